"""What each asset does: staged tables in, one call to a pure function, staged tables out.

Here: which function makes which table, and nothing else about it. Not here: Dagster (`definitions`), any rule about the
data (the packages called). Imports are inside the steps, so that the graph is shown without loading all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.corpus import Corpus, extractor_version, read_corpus
from pipelines.doctor import browser, font
from pipelines.parts import DOCUMENT_TABLES, Extract
from pipelines.sources import doc_id_of
from pipelines.warehouse.schema import BY_NAME, conform, empty
from pipelines.warehouse.store import Publication, Store, write_if_changed
from pipelines.warehouse.tables import parquet_bytes

Frame = pl.DataFrame
ROOT = Path(__file__).resolve().parents[2]


def _part(store: Store, part: str, table: str) -> Path:
    return store.cache / "parts" / f"{part}.{table}.parquet"


def _keep(store: Store, part: str, table: str, frame: Frame) -> None:
    write_if_changed(_part(store, part, table), parquet_bytes(conform(table, frame)))


def _kept(store: Store, part: str, table: str) -> Frame:
    path = _part(store, part, table)
    return conform(table, pl.read_parquet(path)) if path.is_file() else empty(table)


def read_documents(
    store: Store,
    raw: Path,
    *,
    workers: int | None = None,
    extract: Extract | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Reads new and changed documents; keeps the rows of all."""
    corpus = read_corpus(raw, store.cache / "documents", workers=workers, extract=extract, progress=progress)
    tables = corrected(corpus.tables, raw / "corrections")
    for table in DOCUMENT_TABLES:
        _keep(store, "corpus", table, tables[table])
    write_if_changed(store.cache / "parts" / "inputs.sha256", corpus.inputs_sha256.encode())
    return corpus


def corrected(tables: Mapping[str, Frame], folder: Path) -> dict[str, Frame]:
    """The documents' tables with the analyst's corrections applied; entries that no longer fit become document rows
    with the status `stale_correction`, so that every run names them."""
    from pipelines.catalogue.corrections import apply, load

    corrections, faults = load(folder)
    documents = tables["documents"]
    paths = dict(documents.select("path", "doc_id").iter_rows())
    observations, stale = apply(tables["observations"], paths, corrections)
    rows = [
        dict.fromkeys(documents.columns)
        | {
            "doc_id": doc_id_of(f"corrections/{fault.origin}"),
            "path": f"corrections/{fault.origin}",
            "sha256": "",
            "status": "stale_correction",
            "error": f"The correction {fault.message}",
            "extractor_version": extractor_version(),
        }
        for fault in [*faults, *stale]
    ]
    added = pl.DataFrame(rows, schema=documents.schema, orient="row")
    return dict(tables) | {"observations": observations, "documents": pl.concat([documents, added])}


def read_published(store: Store, raw: Path) -> dict[str, int]:
    """Reads the tables of published figures; rows a table."""
    from pipelines.series.published import read_series

    found = read_series(raw / "series")
    rows = {"documents": found.documents, "observations": found.observations, "targets": found.targets}
    for table, frame in rows.items():
        _keep(store, "published", table, frame)
    return {table: frame.height for table, frame in rows.items()}


def combine(store: Store, table: str) -> Frame:
    """A table's rows from documents and from published figures."""
    parts = [_kept(store, part, table) for part in ("corpus", "published")]
    return store.stage(table, pl.concat(parts))


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


def indicators(store: Store) -> Frame:
    """The catalogue's indicators."""
    return store.stage("indicators", indicator_rows())


def places(store: Store) -> Frame:
    """The places the data speak of, with the units above them."""
    from pipelines.catalogue.places import by_code

    known = by_code()
    wanted: set[str] = set()
    named: dict[str, str | None] = {}
    for table in ("observations", "targets"):
        for code, name in store.staged(table).select("place_code", "place_name").drop_nulls("place_code").rows():
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
    return store.stage("places", pl.DataFrame(rows, schema=BY_NAME["places"].schema, orient="row"))


def series(store: Store) -> Frame:
    """One point for each key, chosen among the observations."""
    from pipelines.series.build import build_series

    points = build_series(store.staged("observations"), store.staged("indicators"), store.staged("documents"))
    return store.stage("series", points)


def growth_rates(store: Store) -> Frame:
    """Points against earlier points."""
    from pipelines.analysis.growth import growth_rates as compute

    return store.stage("growth_rates", compute(store.staged("series"), store.staged("indicators")))


def target_gaps(store: Store) -> Frame:
    """Values against targets."""
    from pipelines.analysis.targets import target_gaps as compute

    gaps = compute(
        store.staged("series"), store.staged("targets"), store.staged("indicators"), store.staged("observations")
    )
    return store.stage("target_gaps", gaps)


def checks(store: Store) -> Frame:
    """Reconciliations of the documents' own figures, and quality checks on the series."""
    from pipelines.analysis.quality import quality_checks
    from pipelines.analysis.reconcile import checks as compute

    points, indicators = store.staged("series"), store.staged("indicators")
    found = [compute(store.staged("observations"), indicators, points), quality_checks(points, indicators)]
    return store.stage("checks", pl.concat([conform("checks", frame) for frame in found]))


def review(store: Store) -> Frame:
    """Readings an analyst should look at."""
    from pipelines.warehouse.review import review_rows

    return store.stage(
        "review", review_rows(store.staged("mentions"), store.staged("observations"), store.staged("series"))
    )


def publish(store: Store, accept: str = "") -> Publication:
    """Checks all staged tables and publishes them; `accept` says why fewer figures than before are right."""
    inputs = store.cache / "parts" / "inputs.sha256"
    last = store.manifest() or {}
    return store.publish(
        inputs_sha256=inputs.read_text() if inputs.is_file() else str(last.get("inputs_sha256", "")),
        extractor_version=extractor_version(),
        accept=accept,
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


def exports(store: Store, out: Path, raw: Path) -> Made:
    """Charts, workbook and deck for briefings."""

    def make() -> Made:
        from pipelines.briefing.export import export_all

        report = export_all(store.root, out, raw_dir=raw)
        return Made(tuple(report.files), tuple(report.skipped))

    programs = [f"{f.level} {f.message}" for f in (browser(), font())]  # pictures appear once these are installed
    return _once(store, "exports", out, "\n".join([_code_state("pipelines/**/*.py"), *programs]), make)
