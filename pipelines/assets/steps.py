"""What each asset does: staged tables in, one call to a pure function, staged tables out.

Here: which function makes which table, and nothing else about it. Not here: Dagster (`definitions`), any rule about the
data (the packages called). Imports are inside the steps, so that the graph is shown without loading all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from pipelines.catalogue.corrections import Fault
from pipelines.corpus import Corpus, code_version, extractor_version, read_corpus
from pipelines.doctor import browser, font
from pipelines.executors import local_engine
from pipelines.finishing import CODE_FOLDERS, document_rows, finish
from pipelines.parts import Extract
from pipelines.sources import doc_id_of, local_tables
from pipelines.warehouse.files import write_if_changed
from pipelines.warehouse.schema import BY_NAME, conform, empty
from pipelines.warehouse.staging import ONE_FILE_ROWS, Staged, TableFile, describe_file, key_of, same_content
from pipelines.warehouse.store import Publication, Store
from pipelines.warehouse.tables import parquet_bytes, sorted_by_key

Frame = pl.DataFrame
ROOT = Path(__file__).resolve().parents[2]


def _corpus_note(store: Store) -> Path:
    return store.cache / "parts" / "corpus.json"


def read_documents(
    store: Store,
    raw: Path | str,
    *,
    workers: int | None = None,
    executor: str = "processes",
    exchange: str = "",
    verify: bool = False,
    extract: Extract | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Reads new and changed documents, applies corrections and checks each document; keeps the rows of all."""
    from pipelines.catalogue.corrections import load

    tables = local_tables(raw, store.cache / "raw")
    corpus = read_corpus(
        raw, store.cache / "documents", tables=tables, workers=workers, executor=executor, exchange=exchange,
        verify=verify, extract=extract, progress=progress,
    )  # fmt: skip
    corrections, faults = load(tables / "corrections")
    finished = finish(corpus, store.cache / "finished", indicators(store).read(), corrections, local_engine(workers))
    stale = _placed(store, "corpus", "documents", _stale_corrections([*faults, *finished.stale]))
    files = dict(finished.files) | {"documents": (*finished.files["documents"], stale)}
    note = {
        "inputs_sha256": corpus.inputs_sha256,
        "faults": finished.faults,
        "files": {table: [asdict(f) for f in found] for table, found in files.items()},
    }
    write_if_changed(_corpus_note(store), json.dumps(note, sort_keys=True).encode())
    return corpus


def _stale_corrections(faults: Sequence[Fault]) -> Frame:
    """Corrections that no longer fit as document rows with the status `stale_correction`, so that every run names them."""
    schema = BY_NAME["documents"].schema
    rows = [
        dict.fromkeys(schema)
        | {
            "doc_id": doc_id_of(f"corrections/{fault.origin}"),
            "path": f"corrections/{fault.origin}",
            "sha256": "",
            "status": "stale_correction",
            "error": f"The correction {fault.message}",
            "extractor_version": extractor_version(),
        }
        for fault in faults
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _placed(store: Store, part: str, table: str, frame: Frame) -> TableFile:
    """A table's rows from one origin as a file."""
    path = store.cache / "parts" / f"{part}.{table}.parquet"
    frame = sorted_by_key(table, conform(table, frame))
    write_if_changed(path, parquet_bytes(frame))
    return describe_file(path, frame)


def _files(store: Store, table: str) -> list[TableFile]:
    """The files of a table from documents and from published figures."""
    found: list[TableFile] = []
    for note in (_corpus_note(store), store.cache / "parts" / "published.json"):
        try:
            found += [TableFile(**fact) for fact in json.loads(note.read_bytes())["files"].get(table, ())]
        except FileNotFoundError:
            continue  # that origin was never read
    return [f for f in found if f.rows]


def read_published(store: Store, raw: Path | str) -> dict[str, int]:
    """Reads the tables of published figures; rows a table."""
    from pipelines.series.published import read_series

    found = read_series(local_tables(raw, store.cache / "raw") / "series")
    rows = {"documents": found.documents, "observations": found.observations, "targets": found.targets}
    rows |= document_rows({"mentions": empty("mentions"), **rows}, indicators(store).read())
    files = {table: [asdict(_placed(store, "published", table, frame))] for table, frame in rows.items()}
    write_if_changed(store.cache / "parts" / "published.json", json.dumps({"files": files}, sort_keys=True).encode())
    return {table: rows[table].height for table in ("documents", "observations", "targets")}


# -------------------------------------------------------------------------------------------------------------- tables


def _made(store: Store, table: str, inputs: Sequence[Staged], make: Callable[[], Frame]) -> Staged:
    """The table as made last from the same inputs by the same code, else made now."""
    key = key_of(code_version(CODE_FOLDERS), same_content(inputs))
    known = store.staging.read(table)
    if known is None or known.made_from != key:
        store.stage(table, make(), key)
    return store.table(table)


def _joined(
    store: Store, table: str, files: Sequence[TableFile], more: Callable[[], Frame], inputs: Sequence[Staged] = ()
) -> Staged:
    """A table whose rows lie in files, with some more rows made from `inputs`: one file while it is small, else the
    files as they are."""
    source = Staged(table, tuple(files))
    key = key_of(code_version(CODE_FOLDERS), same_content([source, *inputs]), *(f.sha256 for f in files))
    known = store.staging.read(table)
    if known is not None and known.made_from == key:
        return known
    added = more()
    if source.rows + added.height <= ONE_FILE_ROWS:
        store.stage(table, pl.concat([source.scan().collect(), added]), key)
        return store.table(table)
    extra = [_placed(store, "more", table, added)] if added.height else []
    return store.stage_files(table, [*files, *extra], key)


def combine(store: Store, table: str) -> Staged:
    """A table's rows from documents and from published figures."""
    return _joined(store, table, _files(store, table), lambda: empty(table))


def indicators(store: Store) -> Staged:
    """The catalogue's indicators."""
    return _made(store, "indicators", (), indicator_rows)


def indicator_rows() -> Frame:
    """The shipped catalogue as the table `indicators`."""
    from pipelines.catalogue.indicators import load

    rows = [
        {
            "indicator_id": i.id,
            "name_en": i.name_en,
            "name_zh": i.name_zh,
            "aliases_zh": "|".join(i.aliases_zh) or None,
            "topic": i.topic,
            "unit": i.unit,
            "measure_type": i.measure_type,
            "polarity": i.polarity,
            "plausible_min": i.plausible_min,
            "plausible_max": i.plausible_max,
            "target_min": i.target_min,
            "target_max": i.target_max,
            "accumulates_within_year": "yes" if i.accumulates_within_year else "no",
            "annualise": i.annualise,
            "numerator_id": i.numerator_id,
            "denominator_id": i.denominator_id,
            "part_of_id": i.part_of_id,
            "definition": i.definition,
            "typical_basis": i.typical_basis,
            "confidence": i.confidence,
        }
        for i in load().values()
    ]
    return pl.DataFrame(rows, schema=BY_NAME["indicators"].schema, orient="row")


def places(store: Store) -> Staged:
    """The places the data speak of, with the units above them."""
    read = [store.table(table) for table in ("observations", "targets")]
    return _made(store, "places", read, lambda: _place_rows(read))


def _place_rows(read: Sequence[Staged]) -> Frame:
    from pipelines.catalogue.places import by_code

    known = by_code()
    wanted: set[str] = set()
    named: dict[str, str | None] = {}
    for table in read:
        found = table.scan().select("place_code", "place_name").drop_nulls("place_code")
        for code, name in found.group_by("place_code").agg(pl.col("place_name").min()).collect().iter_rows():
            named.setdefault(code, name)
    for code in named:
        at: str | None = code
        while at and at not in wanted:
            wanted.add(at)
            at = known[at].parent_code if at in known else None
    rows = []
    for code in sorted(wanted):
        place = known.get(code)
        name = named.get(code) or code
        rows.append(
            {
                "place_code": code,
                "name_zh": place.name_zh if place else name,
                "full_name_zh": place.full_name_zh if place else name,
                "name_en": place.name_en if place else code,
                "level": place.level if place else "county",
                "parent_code": place.parent_code if place else None,
                "valid_from": place.valid_from if place else None,
                "valid_to": place.valid_to if place else None,
            }
        )
    return pl.DataFrame(rows, schema=BY_NAME["places"].schema, orient="row")


def series(store: Store) -> Staged:
    """One point for each key, chosen among the observations."""
    read = [store.table(table) for table in ("observations", "indicators", "documents")]

    def make() -> Frame:
        from pipelines.series.build import build_series

        return build_series(read[0].scan(), read[1].read(), read[2].read())

    return _made(store, "series", read, make)


def growth_rates(store: Store) -> Staged:
    """Points against earlier points; for more points than a file holds, written part by part."""
    read = [store.table(table) for table in ("series", "indicators")]
    if read[0].rows > ONE_FILE_ROWS:
        return _growth_files(store, read)

    def make() -> Frame:
        from pipelines.analysis.growth import growth_rates as compute

        return compute(read[0].scan(), read[1].read())

    return _made(store, "growth_rates", read, make)


def _growth_files(store: Store, read: Sequence[Staged]) -> Staged:
    from pipelines.analysis.growth import growth_parts

    key = key_of(code_version(CODE_FOLDERS), same_content(read))
    known = store.staging.read("growth_rates")
    if known is not None and known.made_from == key:
        return known
    parts = growth_parts(read[0].scan(), read[1].read())
    files = [_placed(store, f"derived-{n:04}", "growth_rates", part) for n, part in enumerate(parts)]
    return store.stage_files("growth_rates", files, key)


def target_gaps(store: Store) -> Staged:
    """Values against targets."""
    read = [store.table(table) for table in ("series", "targets", "indicators", "observations")]

    def make() -> Frame:
        from pipelines.analysis.targets import compared_observations
        from pipelines.analysis.targets import target_gaps as compute

        targets = read[1].read()
        observations = compared_observations(read[3].scan(), targets)
        return compute(read[0].read(), targets, read[2].read(), observations)

    return _made(store, "target_gaps", read, make)


def checks(store: Store) -> Staged:
    """Reconciliations of the documents' own figures, and of and quality checks on the series."""
    read = [store.table(table) for table in ("series", "indicators", "observations")]
    own = Staged("checks", tuple(_files(store, "checks")))

    def make() -> Frame:
        from pipelines.analysis.quality import quality_checks
        from pipelines.analysis.reconcile import series_checks

        points, catalogue = read[0].read(), read[1].read()
        found = [own.read(), series_checks(points, catalogue, read[2].scan()), quality_checks(points, catalogue)]
        # an identity inside a document is not told again of the series
        return pl.concat(found).unique("check_id", keep="first", maintain_order=True)

    return _made(store, "checks", [own, *read], make)


def review(store: Store) -> Staged:
    """Readings an analyst should look at."""
    from pipelines.warehouse.review import conflict_review, disputed

    points, observations = store.table("series"), store.table("observations")

    def conflicts() -> Frame:
        rows = points.scan().select("observation_id", "conflict").collect()
        seen = observations.scan().join(disputed(rows).lazy(), on="observation_id", how="semi").collect()
        return conflict_review(seen, rows)

    return _joined(store, "review", _files(store, "review"), conflicts, [points, observations])


def publish(store: Store, accept: str = "") -> Publication:
    """Checks all staged tables and publishes them; `accept` says why fewer figures than before are right."""
    last = store.manifest() or {}
    try:
        note = json.loads(_corpus_note(store).read_bytes())
    except FileNotFoundError:
        note = {"inputs_sha256": str(last.get("inputs_sha256", "")), "faults": []}
    return store.publish(
        inputs_sha256=note["inputs_sha256"],
        extractor_version=extractor_version(),
        accept=accept,
        document_faults=note["faults"],
    )


# -------------------------------------------------------------------------------------------- made from the publication


@dataclass(frozen=True, slots=True)
class Made:
    """Files made from a published warehouse, and what could not be made and why."""

    files: tuple[Path, ...]
    missing: tuple[str, ...] = ()


def _code_state(*patterns: str) -> str:
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _once(store: Store, what: str, out: Path, state: str, make: Callable[[], Made]) -> Made:
    """Makes files unless the same warehouse and the same code made them before and all of them are still there."""
    note = store.cache / "made" / f"{what}.json"
    manifest = store.manifest() or {}
    key = {"out": str(out), "vintage": manifest.get("vintage"), "state": state}
    try:
        last = json.loads(note.read_text(encoding="utf-8"))
        files = tuple(Path(f) for f in last["files"])
        if last["key"] == key and files and all(f.is_file() for f in files):
            return Made(files, tuple(last["missing"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # never made, or a note of an older version: make them
    made = make()
    record = {"key": key, "files": [str(f) for f in made.files], "missing": list(made.missing)}
    write_if_changed(note, json.dumps(record).encode())
    return made


def notebooks(store: Store, out: Path) -> Made:
    """Executes the notebooks on the published warehouse."""

    def make() -> Made:
        from pipelines.briefing.notebooks import execute_notebooks

        return Made(tuple(execute_notebooks(store.root, out)))

    return _once(store, "notebooks", out, _code_state("notebooks/*.ipynb", "pipelines/**/*.py"), make)


def exports(store: Store, out: Path, raw: Path | str) -> Made:
    """Charts, workbook and deck for briefings; evidence pages show whole texts where these lie on this machine."""

    def make() -> Made:
        from pipelines.briefing.export import export_all

        report = export_all(store.root, out, raw_dir=raw if isinstance(raw, Path) else None)
        return Made(tuple(report.files), tuple(report.skipped))

    programs = [f"{f.level} {f.message}" for f in (browser(), font())]  # pictures appear once these are installed
    return _once(store, "exports", out, "\n".join([_code_state("pipelines/**/*.py"), *programs]), make)
