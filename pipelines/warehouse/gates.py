"""What must hold before a warehouse is published.

Here: rules across tables and against the vintage before, as pure functions of frames; a fault names the rows. Rules
inside one table (columns, types, nulls, keys) are `schema.conform`, asserted when a table is staged and read back. Not
here: verdicts about the documents' own figures, which are rows of `checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import polars as pl

from pipelines.series.breaks import known_breaks
from pipelines.series.limits import impossible

Tables = Mapping[str, pl.DataFrame]

LINE = ("place_code", "indicator_id", "basis", "scope", "period_kind")
"""What makes one line in a chart; the unit must not change along it."""
KEY = (*LINE, "period")

UNPUBLISHABLE = ("damaged", "masked", "masked_value", "unreadable", "rejected")
"""Flags of observations whose value must never become a point."""

LOST_SHARE, LOST_POINTS = 0.05, 20
"""Points of unchanged documents that another version of the program may lose: this share, and never fewer than so many."""
GONE_SHARE, GONE_DOCUMENTS = 1 / 3, 10
"""Documents that may vanish at once: this share, and never fewer than so many."""

COUNTS = "observation_counts"
"""Name under which the observations of each document may come counted: doc_id, n."""

SHARED_POINTS = "shared_points"
"""Name under which points that both vintages have may come counted (n), where tables hold only what differs."""

NAMED = 5
"""Rows a sentence names; the others are counted."""


def _name(rows: pl.DataFrame, columns: tuple[str, ...], limit: int = NAMED) -> str:
    shown = "; ".join(" ".join(str(v) for v in row) for row in rows.select(columns).head(limit).rows())
    return shown + (f" and {rows.height - limit} more" if rows.height > limit else "")


def _missing(rows: pl.DataFrame, column: str, known: pl.DataFrame, known_column: str) -> pl.DataFrame:
    return rows.filter(pl.col(column).is_not_null()).join(
        known.select(known_column), left_on=column, right_on=known_column, how="anti"
    )


# ----------------------------------------------------------------------------------------------------- within one build


def _evidence(t: Tables) -> Iterator[str]:
    """Every point, growth rate, gap and target leads to an observation, that to its mention and document."""
    series, observations = t["series"], t["observations"]
    for name in ("series", "growth_rates", "target_gaps"):
        loose = _missing(t[name], "observation_id", observations, "observation_id")
        if loose.height:
            rows = "points" if name == "series" else "rows"
            yield f"{name}: {loose.height} {rows} without an observation: {_name(loose, ('indicator_id', 'period', 'observation_id'))}"
    loose = _missing(t["target_gaps"], "target_id", t["targets"], "target_id")
    if loose.height:
        yield f"target_gaps: {loose.height} rows without a target: {_name(loose, ('target_id',))}"
    loose = _missing(series, "indicator_id", t["indicators"], "indicator_id")
    if loose.height:
        yield f"series: {loose.height} points of unknown indicators: {_name(loose, ('indicator_id', 'period'))}"
    seen = observations.select(
        "observation_id", pl.col("place_code").alias("p"), pl.col("indicator_id").alias("i"), "raw", "sentence"
    )
    beside = series.join(seen, on="observation_id", how="inner")
    implied = pl.col("status") == "implied"  # its evidence is a change or growth rate, which names no indicator itself
    other = beside.filter(
        ~implied & ~(pl.col("p").eq_missing(pl.col("place_code")) & pl.col("i").eq_missing(pl.col("indicator_id")))
    )
    if other.height:
        yield f"series: {other.height} points of another place or indicator than their observation: {_name(other, ('indicator_id', 'period', 'observation_id'))}"
    stated = observations.select("observation_id", "kind", "links_rel", "links_to").filter(
        pl.col("kind").is_in(["change", "growth"])
    )
    of = stated.explode("links_rel", "links_to", empty_as_null=False).filter(
        pl.col("links_rel").is_in(["change_of", "growth_of"])
    )
    told = of.join(seen, left_on="links_to", right_on="observation_id", how="inner").select(
        "observation_id", pl.col("p").alias("place_code"), pl.col("i").alias("indicator_id")
    )
    points = series.filter(implied)
    key = ["observation_id", "place_code", "indicator_id"]
    untold = pl.concat(
        [
            points.join(of, on="observation_id", how="anti"),
            points.join(told, on="observation_id", how="semi").join(told, on=key, how="anti", nulls_equal=True),
        ]
    )
    if untold.height:
        yield f"series: {untold.height} implied points without a stated change of their value: {_name(untold, ('indicator_id', 'period', 'observation_id'))}"
    mute = beside.filter((pl.col("raw") == "") | (pl.col("sentence") == ""))
    if mute.height:
        yield f"series: {mute.height} points without their sentence: {_name(mute, ('indicator_id', 'period', 'observation_id'))}"


def _documents(t: Tables) -> Iterator[str]:
    """Each observation belongs to a document, with a confidence that is one."""
    loose = _missing(t["observations"], "doc_id", t["documents"], "doc_id")
    if loose.height:
        yield f"observations: {loose.height} rows without a document: {_name(loose, ('observation_id',))}"
    doubt = t["observations"].filter(~pl.col("confidence").is_between(0, 1))
    if doubt.height:
        yield f"observations: {doubt.height} confidences outside 0 to 1: {_name(doubt, ('observation_id', 'confidence'))}"


def _mentions(t: Tables) -> Iterator[str]:
    """The tables of documents belong together: each observation is a mention, with the same characters."""
    read = t["observations"].filter(pl.col("source_kind") == "document")
    place = ["doc_id", "start_char", "end_char"]
    loose = read.join(t["mentions"].select(*place, "raw"), on=[*place, "raw"], how="anti")
    if loose.height:
        yield f"observations: {loose.height} rows are no mention of their document: {_name(loose, ('observation_id', 'raw'))}"
    empty = read.filter((pl.col("end_char") <= pl.col("start_char")) | (pl.col("raw") == ""))
    if empty.height:
        yield f"observations: {empty.height} rows with no characters: {_name(empty, ('observation_id',))}"
    counted = t["mentions"].group_by("doc_id").agg(pl.len().cast(pl.Int64).alias("found"))
    told = t["documents"].filter((pl.col("status") == "ok") & ~pl.col("path").str.starts_with("series/"))
    wrong = (
        told.join(counted, on="doc_id", how="left")
        .with_columns(pl.col("found").fill_null(0))
        .filter(pl.col("n_mentions").is_not_null() & (pl.col("n_mentions") != pl.col("found")))
    )
    if wrong.height:
        yield f"mentions: {wrong.height} documents with another number of mentions than they tell: {_name(wrong, ('path', 'n_mentions', 'found'))}"


def _damage(t: Tables) -> Iterator[str]:
    """No point rests on a value that was damaged, masked or rejected."""
    evidence = t["series"].join(
        t["observations"].select("observation_id", pl.col("value").alias("seen"), pl.col("flags").alias("seen_flags")),
        on="observation_id",
        how="inner",
    )
    damaged = evidence.filter(
        pl.any_horizontal(pl.col("seen_flags").list.contains(flag) for flag in UNPUBLISHABLE) | pl.col("seen").is_null()
    )
    if damaged.height:
        yield f"series: {damaged.height} points rest on damaged values: {_name(damaged, ('indicator_id', 'period', 'observation_id'))}"


def _units(t: Tables) -> Iterator[str]:
    """One unit along a line, and it is the catalogue's: ‰ and % never mix."""
    series = t["series"]
    mixed = (
        series.group_by(LINE).agg(pl.col("unit").unique().sort().alias("units")).filter(pl.col("units").list.len() > 1)
    )
    if mixed.height:
        yield f"series: {mixed.height} series mix units: {_name(mixed.sort(LINE), ('place_code', 'indicator_id', 'units'))}"
    wanted = t["indicators"].select("indicator_id", pl.col("unit").alias("wanted"))
    foreign = series.join(wanted, on="indicator_id", how="inner").filter(pl.col("unit") != pl.col("wanted"))
    if foreign.height:
        yield f"series: {foreign.height} points in another unit than the catalogue's: {_name(foreign, ('indicator_id', 'period', 'unit', 'wanted', 'observation_id'))}"


def _ranges(t: Tables) -> Iterator[str]:
    """Values lie in their own interval and within what is possible at all."""
    series = t["series"]
    outside = series.filter(
        (pl.col("value") < pl.col("value_lo") - 1e-9) | (pl.col("value") > pl.col("value_hi") + 1e-9)
    )
    if outside.height:
        yield f"series: {outside.height} values lie outside their interval: {_name(outside, ('indicator_id', 'period', 'value'))}"
    least = t["indicators"].select("indicator_id", pl.col("plausible_min").alias("least"))
    wrong = series.join(least, on="indicator_id", how="left").filter(
        impossible(pl.col("value"), pl.col("unit"), pl.col("least"), pl.col("year"))
    )
    if wrong.height:
        yield f"series: {wrong.height} impossible values or years, reject them in corrections/: {_name(wrong, ('indicator_id', 'period', 'value', 'unit', 'observation_id'))}"


def _breaks(t: Tables) -> Iterator[str]:
    """No growth rate reaches across a break of its series; a census break does not divide two revised values."""
    breaks = known_breaks().rename({"basis": "b_basis", "place_code": "b_place"})
    points = t["series"].join(breaks.select("indicator_id").unique(), on="indicator_id", how="semi")
    rates = t["growth_rates"].filter(pl.col("growth").is_not_null() | pl.col("cagr").is_not_null())
    crossing = (
        rates.join(breaks, on="indicator_id", how="inner")
        .filter((pl.col("b_basis") == "") | (pl.col("b_basis") == pl.col("basis")))
        .filter((pl.col("b_place") == "") | (pl.col("b_place") == pl.col("place_code")))
        .join(points.select(*KEY, "year", "status"), on=list(KEY), how="inner", nulls_equal=True)
        .join(
            points.select(*LINE, pl.col("period").alias("prior_period"), pl.col("status").alias("prior_status")),
            on=[*LINE, "prior_period"],
            how="left",
            nulls_equal=True,
        )
        .filter(pl.col("first_year_after").is_between(pl.col("year") - pl.col("n_years") + 1, pl.col("year")))
        .filter(
            ~((pl.col("census") == "yes") & (pl.col("status") == "revised") & (pl.col("prior_status") == "revised"))
        )
    )
    if crossing.height:
        yield f"growth_rates: {crossing.height} rows reach across a break: {_name(crossing, ('place_code', 'indicator_id', 'prior_period', 'period'))}"


GATES: Mapping[str, Callable[[Tables], Iterator[str]]] = {
    "evidence": _evidence,
    "documents": _documents,
    "mentions": _mentions,
    "damage": _damage,
    "units": _units,
    "ranges": _ranges,
    "breaks": _breaks,
}
"""Rules of one build, by the name under which a publication records them; `schema`, `keys` and `coverage` join them."""


DOCUMENT_GATES = ("documents", "mentions")
"""Rules that each document keeps or breaks alone; for tables too large to hold they are asked where its rows are made."""


def faults(tables: Tables, skip: Collection[str] = ()) -> list[str]:
    """Every broken rule of one build, one sentence each; empty where the tables may be published. `skip` names rules
    that were asked before."""
    return [sentence for name, rule in GATES.items() if name not in skip for sentence in rule(tables)]


def document_faults(tables: Tables) -> list[str]:
    """The rules that documents break alone, from the tables of some of them."""
    return [sentence for name in DOCUMENT_GATES for sentence in GATES[name](tables)]


# -------------------------------------------------------------------------------------------- against the vintage before

COVERAGE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "documents": ("doc_id", "path", "sha256", "status", "extractor_version"),
    "observations": ("observation_id", "doc_id"),
    "series": (*KEY, "observation_id"),
}
"""What coverage asks of the vintage before; tables of another schema that hold these are compared like any other."""


def count_faults(rows: Mapping[str, int], record: Mapping[str, object]) -> list[str]:
    """What is left of coverage where the tables of the vintage before cannot be compared: the counts of its record.

    `rows` are the counts of the new tables, `record` the publication before.
    """
    found: list[str] = []
    for table, share, least in (("documents", GONE_SHARE, GONE_DOCUMENTS), ("series", LOST_SHARE, LOST_POINTS)):
        had = record.get(f"n_{table}")
        if isinstance(had, int) and had - rows[table] > max(least, share * had):
            found.append(
                f"{table}: {rows[table]} where the vintage before had {had}, whose tables are of another schema and tell no more"
            )
    return found


def coverage_faults(tables: Tables, before: Tables) -> list[str]:
    """What the vintage before had and these tables lack although nothing the analyst changed explains it.

    A document that is unchanged must still be read, and, read by the same extractor, give as many observations; points
    must not vanish from unchanged documents in numbers; and a third of the documents gone at once is more often a
    folder that is not there than a decision. Points of removed, changed or corrected documents are explained.
    """
    return list(_coverage(tables, before))


def _coverage(t: Tables, before: Tables) -> Iterator[str]:
    documents, old = t["documents"], before["documents"].filter(pl.col("status") == "ok")
    gone = _missing(old, "doc_id", documents, "doc_id")
    if gone.height >= max(GONE_DOCUMENTS, GONE_SHARE * old.height):
        yield f"documents: {gone.height} of {old.height} are gone, is the folder complete? {_name(gone, ('path',))}"
    now = documents.select(
        "doc_id", "sha256", pl.col("status").alias("status_now"), pl.col("extractor_version").alias("version_now")
    )
    same = old.filter(pl.col("sha256") != "").join(now, on=["doc_id", "sha256"], how="inner")
    unread = same.filter(pl.col("status_now") != "ok")
    if unread.height:
        yield f"documents: {unread.height} unchanged documents can no longer be read: {_name(unread, ('path', 'status_now'))}"
    counts = [_counts(side, name) for side, name in ((before, "had"), (t, "has"))]
    fewer = (
        same.filter(pl.col("extractor_version") == pl.col("version_now"))
        .join(counts[0], on="doc_id", how="inner")
        .join(counts[1], on="doc_id", how="left")
        .filter(pl.col("has").fill_null(0) < pl.col("had"))
    )
    if fewer.height:
        yield f"observations: {fewer.height} unchanged documents give fewer than before: {_name(fewer, ('path', 'had', 'has'))}"
    yield from _lost_points(t, before, same)


def _counts(t: Tables, name: str) -> pl.DataFrame:
    """Observations of each document, as counted beforehand where the table is too large to hold."""
    if COUNTS in t:
        return t[COUNTS].rename({"n": name})
    return t["observations"].group_by("doc_id").agg(pl.len().cast(pl.Int64).alias(name))


def _lost_points(t: Tables, before: Tables, same: pl.DataFrame) -> Iterator[str]:
    had = before["series"].join(
        before["observations"].select("observation_id", "doc_id"), on="observation_id", how="inner"
    )
    had = had.join(same.select("doc_id", "path"), on="doc_id", how="inner")
    lost = had.join(t["series"].select(KEY), on=list(KEY), how="anti", nulls_equal=True)
    decided = t["observations"].filter(
        pl.any_horizontal(pl.col("flags").list.contains(flag) for flag in ("corrected", "rejected"))
    )
    lost = lost.join(decided.select("observation_id"), on="observation_id", how="anti")
    n = had.height + (int(before[SHARED_POINTS]["n"].sum()) if SHARED_POINTS in before else 0)
    if lost.height > max(LOST_POINTS, LOST_SHARE * n):
        yield f"series: {lost.height} of {n} points of unchanged documents are lost: {_name(lost.sort(KEY), ('place_code', 'indicator_id', 'period', 'path'))}"
