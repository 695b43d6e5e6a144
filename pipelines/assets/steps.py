"""What each asset does: staged tables in, one call to a pure function, staged tables out.

Here: which function makes which table, and nothing else about it. Not here: Dagster (`definitions`), any rule about the
data (the packages called). Imports are inside the steps, so that the graph is shown without loading all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

import polars as pl

from pipelines.catalogue.corrections import Fault
from pipelines.corpus import Corpus, code_version, extractor_version, read_corpus
from pipelines.doctor import browser, font
from pipelines.executors import local_engine
from pipelines.finishing import CODE_FOLDERS, document_rows, finish
from pipelines.parts import Extract
from pipelines.sources import doc_id_of, local_tables
from pipelines.warehouse.derivation import (
    Derivation,
    Evidence,
    asked_before,
    batches,
    evidence_of,
    forget_changed,
    note_asked,
)
from pipelines.warehouse.evidence import NOWHERE, SUMS, document_evidence, place_sums
from pipelines.warehouse.files import write_if_changed
from pipelines.warehouse.gates import DOCUMENT_GATES, GATES, faults
from pipelines.warehouse.schema import BY_NAME, conform, empty
from pipelines.warehouse.staging import ONE_FILE_ROWS, Staged, TableFile, describe_file, key_of, same_content
from pipelines.warehouse.store import Publication, State, Store, StoreError
from pipelines.warehouse.tables import content_sum, parquet_bytes, row_hashes, sorted_by_key

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
    stale = {"documents": _placed(store, "corpus", "documents", _stale_corrections([*faults, *finished.stale]))}
    note = {
        "inputs_sha256": corpus.inputs_sha256,
        "faults": finished.faults,
        "parts": [{table: asdict(fact) for table, fact in part.items()} for part in (*finished.parts, stale)],
    }
    write_if_changed(_corpus_note(store), json.dumps(note, sort_keys=True).encode())
    if verify:
        forget_changed(store.cache / "derived", DERIVED)
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
    path = store.cache / "parts" / part / f"{table}.parquet"
    frame = sorted_by_key(table, conform(table, frame)) if table in BY_NAME else frame
    write_if_changed(path, parquet_bytes(frame))
    return describe_file(path, frame)


def _published_note(store: Store) -> Path:
    return store.cache / "parts" / "published.json"


def _parts(store: Store) -> Sequence[Mapping[str, TableFile]]:
    """The files of every part, of documents and of published figures."""
    return [part for note in _notes(store) for part in _parts_of(note)]


def _notes(store: Store) -> tuple[bytes, ...]:
    """What was noted of either origin; nothing of one that was never read."""
    return tuple(note.read_bytes() for note in (_corpus_note(store), _published_note(store)) if note.is_file())


@lru_cache(maxsize=2)
def _parts_of(note: bytes) -> Sequence[Mapping[str, TableFile]]:
    """Every step of a run asks; the note is read once."""
    said = json.loads(note).get("parts", [])  # a note of another version says nothing
    return [{table: TableFile(**fact) for table, fact in part.items()} for part in said]


def _told(store: Store) -> Evidence:
    """What all parts tell of places; raises StoreError where no document was ever read here."""
    notes = _notes(store)
    if not any(map(_parts_of, notes)):
        raise StoreError(f"the documents' rows are not kept in {store.root}: run `xianzhi run` first")
    return _told_by(notes)


@lru_cache(maxsize=1)
def _told_by(notes: tuple[bytes, ...]) -> Evidence:
    return evidence_of([part for note in notes for part in _parts_of(note)])


def _files(store: Store, table: str) -> list[TableFile]:
    """The files of a table from documents and from published figures."""
    return [part[table] for part in _parts(store) if table in part and part[table].rows]


def read_published(store: Store, raw: Path | str) -> dict[str, int]:
    """Reads the tables of published figures; rows a table."""
    from pipelines.series.published import read_series

    catalogue = indicators(store).read()
    found = read_series(local_tables(raw, store.cache / "raw") / "series")
    rows = {"documents": found.documents, "observations": found.observations, "targets": found.targets}
    rows |= {table: empty(table) for table in ("sections", "mentions")}
    rows |= document_rows(rows, catalogue)
    rows |= document_evidence(rows, catalogue)
    rows["told"] = place_sums(rows)
    part = {table: asdict(_placed(store, "published", table, frame)) for table, frame in rows.items()}
    write_if_changed(_published_note(store), json.dumps({"parts": [part]}, sort_keys=True).encode())
    return {table: rows[table].height for table in ("documents", "observations", "targets")}


# -------------------------------------------------------------------------------------------------------------- tables


def _made(store: Store, table: str, inputs: Sequence[Staged], make: Callable[[], Frame]) -> Staged:
    """The table as made last from the same inputs by the same code, else made now."""
    key = key_of(_version(), same_content(inputs))
    known = store.staging.read(table)
    if known is None or known.made_from != key:
        store.stage(table, make(), key)
    return store.table(table)


def _gathered(store: Store, table: str, files: Sequence[TableFile]) -> Staged:
    """A table whose rows lie in files: one file while it is small, else the files as they are."""
    source = Staged(table, tuple(f for f in files if f.rows))
    key = key_of(_version(), same_content([source]), *(f.sha256 for f in source.files))
    known = store.staging.read(table)
    if known is not None and known.made_from == key:
        return known
    if source.rows <= ONE_FILE_ROWS:
        store.stage(table, source.scan().collect(), key)
        return store.table(table)
    return store.stage_files(table, source.files, key)


def combine(store: Store, table: str) -> Staged:
    """A table's rows from documents and from published figures."""
    return _gathered(store, table, _files(store, table))


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
    named = _told(store).places.filter(pl.col("place_code") != NOWHERE).select("place_code", "place_name")
    key = key_of(_version(), str(content_sum(named)), str(named.height))
    known = store.staging.read("places")
    if known is None or known.made_from != key:
        store.stage("places", _place_rows(named), key)
    return store.table("places")


def _place_rows(found: Frame) -> Frame:
    from pipelines.catalogue.places import by_code

    known = by_code()
    wanted: set[str] = set()
    named: dict[str, str | None] = dict(found.iter_rows())
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


# ------------------------------------------------------------------------------------------------------ place by place

DERIVED = ("series", "growth_rates", "target_gaps", "checks", "review")


def _version() -> str:
    return code_version(CODE_FOLDERS)


def _derivation(store: Store, table: str) -> Derivation:
    return Derivation(store.cache / "derived", table)


def _derived(
    store: Store, table: str, make: Callable[[Evidence, Frame, Frame], Frame], own: Sequence[TableFile] = ()
) -> Staged:
    """A table made again for the places that this run touched: `make` gets all evidence, the catalogue and the places.
    `own` are files of the same table that documents gave."""
    catalogue = store.table("indicators")
    told, names = _told(store), catalogue.read()
    version = key_of(_version(), same_content([catalogue]))
    files = _derivation(store, table).update(told.places, version, lambda some: make(told, names, some))
    return _gathered(store, table, [*own, *files])


def series(store: Store) -> Staged:
    """One point for each key, chosen among the observations."""

    def make(told: Evidence, catalogue: Frame, some: Frame) -> Frame:
        from pipelines.series.build import series_of

        return series_of(told.read("candidates", some), catalogue)

    return _derived(store, "series", make)


def growth_rates(store: Store) -> Staged:
    """Points against earlier points."""
    points = _derivation(store, "series")

    def make(told: Evidence, catalogue: Frame, some: Frame) -> Frame:
        from pipelines.analysis.growth import growth_rates as compute

        return compute(points.read(some), catalogue)

    return _derived(store, "growth_rates", make)


def target_gaps(store: Store) -> Staged:
    """Values against targets."""
    points = _derivation(store, "series")

    def make(told: Evidence, catalogue: Frame, some: Frame) -> Frame:
        from pipelines.analysis.targets import target_gaps as compute

        compared = told.scan("compared", some).collect()
        return compute(points.read(some), told.read("targets", some), catalogue, compared)

    return _derived(store, "target_gaps", make)


def checks(store: Store) -> Staged:
    """Reconciliations of the documents' own figures, and of and quality checks on the series."""
    points = _derivation(store, "series")

    def make(told: Evidence, catalogue: Frame, some: Frame) -> Frame:
        from pipelines.analysis.quality import quality_checks
        from pipelines.analysis.reconcile import checks_of_points

        lines = points.read(some)
        stated = told.read("stated", some, "to_place_code")
        found = pl.concat([checks_of_points(lines, catalogue, stated), quality_checks(lines, catalogue)])
        # an identity inside a document is not told again of the series
        return found.join(told.read("checks", some).select("check_id"), on="check_id", how="anti")

    return _derived(store, "checks", make, _files(store, "checks"))


def review(store: Store) -> Staged:
    """Readings an analyst should look at."""
    points = _derivation(store, "series")

    def make(told: Evidence, catalogue: Frame, some: Frame) -> Frame:
        from pipelines.warehouse.review import conflict_review, disputed

        rows = points.read(some).select("observation_id", "conflict", "place_code")
        seen = told.scan("observations", some).join(disputed(rows).lazy(), on="observation_id", how="semi").collect()
        # a change told of two places may be disputed in both: it is one row of the worklist
        at = rows.group_by("observation_id").agg(pl.col("place_code").min())
        return conflict_review(seen, rows).join(at, on="observation_id", how="inner")

    return _derived(store, "review", make, _files(store, "review"))


def _faults(store: Store, told: Evidence) -> list[str]:
    """Rules across tables that the places touched since they were asked last break, batch by batch."""
    catalogue = store.table("indicators")
    version, note = key_of(_version(), same_content([catalogue])), store.cache / "derived" / "asked.parquet"
    found: list[str] = []
    for some in batches(asked_before(note, told.places, version)):
        tables = {table: _derivation(store, table).read(some) for table in ("series", "growth_rates", "target_gaps")}
        tables |= {"targets": told.read("targets", some), "indicators": catalogue.read()}
        tables["observations"] = _resting(told.scan("observations", some), tables)
        found += faults(tables, skip=DOCUMENT_GATES)
    if not found:
        note_asked(note, told.places, version)
    return found


def _resting(observations: pl.LazyFrame, tables: Mapping[str, Frame]) -> Frame:
    """The observations that tables rest on, and those that these name where a point is implied."""
    rows = observations.with_columns(pl.col("sentence").str.slice(0, 1))
    ids = pl.concat([tables[t].select("observation_id") for t in ("series", "growth_rates", "target_gaps")]).unique()
    found = rows.join(ids.lazy(), on="observation_id", how="semi").collect()
    implied = tables["series"].filter(pl.col("status") == "implied").select("observation_id")
    named = found.join(implied, on="observation_id", how="semi").select(observation_id=pl.col("links_to").explode())
    rest = named.drop_nulls().unique().join(found, on="observation_id", how="anti")
    return pl.concat([found, rows.join(rest.lazy(), on="observation_id", how="semi").collect()])


def _state(parts: Sequence[Mapping[str, TableFile]], told: Evidence) -> State:
    paths = [part["sums"].path for part in parts if "sums" in part]
    sums = pl.concat([pl.DataFrame(schema=SUMS), *(pl.read_parquet(path, glob=False) for path in paths)])
    documents = sums.select("doc_id", row_hashes(sums).alias("state"))
    return State(documents, told.places.select("place_code", "state"))


def publish(store: Store, accept: str = "") -> Publication:
    """Checks all staged tables and publishes them; `accept` says why fewer figures than before are right."""
    last = store.manifest() or {}
    try:
        note = json.loads(_corpus_note(store).read_bytes())
    except FileNotFoundError:
        note = {"inputs_sha256": str(last.get("inputs_sha256", "")), "faults": []}
    large = store.table("observations").rows > ONE_FILE_ROWS
    told = _told(store) if large else None
    return store.publish(
        inputs_sha256=note["inputs_sha256"],
        extractor_version=extractor_version(),
        accept=accept,
        known_faults=[*note["faults"], *(_faults(store, told) if told else [])],
        asked_before=tuple(GATES) if large else (),
        state=partial(_state, _parts(store), told) if told else None,
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
