"""The warehouse's tables: every column with its type, unit and meaning.

The one place where tables are declared: Polars schemas, DuckDB types, comments, the data dictionary and
`datapackage.json` all come from here. How tables are filled, stored or read does not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

SCHEMA_VERSION = 5


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, Polars type, meaning; `required` columns hold no null."""

    name: str
    dtype: Any
    comment: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what a row is, the columns, and the columns that identify a row."""

    name: str
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """Polars schema, in column order."""
        return {c.name: c.dtype for c in self.columns}


S, N, F, B = pl.String, pl.Int64, pl.Float64, pl.Boolean
LIST = pl.List(pl.String)


def _col(name: str, dtype: Any, comment: str, required: bool = False) -> Column:
    return Column(name, dtype, comment, required)


_PLACE = (
    _col("place_code", S, "GB/T 2260 code, six digits; null where the text does not say which place"),
    _col("indicator_id", S, "catalogue id of the indicator"),
    _col("basis", S, "statistical basis (常住, 户籍, 现价 ...); empty where the source does not say", True),
    _col("scope", S, "part of the place the value is about; empty for the whole place", True),
    _col("period_kind", S, "annual, ytd, quarter, half, month, school_year, asof, span, day", True),
    _col(
        "period", S, "2011, 2020-H1, 2011-Q1, 2020-01..2020-06, 2019/2020, asof:2011-06; ???? for an unknown year", True
    ),
)

TABLES: tuple[Table, ...] = (
    Table(
        "documents",
        "One row per source document, read or not.",
        ("doc_id",),
        (
            _col("doc_id", S, "first 12 hex digits of the SHA-256 of the path inside the raw folder", True),
            _col("path", S, "path inside the raw folder, with forward slashes", True),
            _col("sha256", S, "SHA-256 of the file's bytes; empty where it could not be read", True),
            _col("media_type", S, "media type as found"),
            _col("encoding", S, "encoding the text was decoded with"),
            _col("title", S, "title: from the sidecar, else the first heading"),
            _col("source_url", S, "where the document was published, from the sidecar"),
            _col("publisher", S, "who published it, from the sidecar"),
            _col("published_on", S, "date of publication, ISO 8601, as precise as known"),
            _col("licence", S, "licence of the text, from the sidecar; figures are facts"),
            _col("n_chars", N, "characters of decoded text"),
            _col("n_sections", N, "sections found"),
            _col("n_mentions", N, "numeric mentions found"),
            _col("n_repairs", N, "repairs made to the text"),
            _col("n_damaged", N, "places where something is lost or uncertain"),
            _col("status", S, "ok, or why it could not be read: empty, binary, undecodable, encrypted ...", True),
            _col("error", S, "one sentence saying what is wrong and what to do"),
            _col("extractor_version", S, "hash of the code and vocabularies that read it", True),
        ),
    ),
    Table(
        "sections",
        "One row per essay or part of a document.",
        ("doc_id", "section"),
        (
            _col("doc_id", S, "document", True),
            _col("section", N, "running number in the document, from 0", True),
            _col("start_char", N, "first character in the decoded text", True),
            _col("end_char", N, "character after the last", True),
            _col("place_code", S, "GB/T 2260 code of the place the section is about"),
            _col("place_name", S, "full name of that place"),
            _col("place_evidence", S, "words the place was read from"),
            _col("period_default", S, "period of a number that has no time word of its own"),
            _col("period_evidence", S, "words the period was read from"),
            _col("duplicate_of", N, "section that has the same text"),
        ),
    ),
    Table(
        "mentions",
        "One row per numeric mention; nothing is dropped.",
        ("doc_id", "start_char", "end_char"),
        (
            _col("doc_id", S, "document", True),
            _col("section", N, "section", True),
            _col("start_char", N, "first character in the decoded text", True),
            _col("end_char", N, "character after the last", True),
            _col("raw", S, "the characters as they stand in the file", True),
            _col("class", S, "indicator, norm, date, label, noise or unread", True),
            _col("rule", S, "rule that decided the class", True),
        ),
    ),
    Table(
        "observations",
        "One row per value about a place, an indicator and a period.",
        ("observation_id",),
        (
            _col("observation_id", S, "doc_id:start-end, or series:hash for published figures", True),
            _col("doc_id", S, "document, or table of published figures; both are rows of documents", True),
            _col("section", N, "section", True),
            _col("start_char", N, "first character of the mention in the decoded text", True),
            _col("end_char", N, "character after the last", True),
            _col("raw", S, "the mention as it stands in the file", True),
            _col("sentence", S, "sentence the mention stands in, repaired and simplified", True),
            _col("class", S, "indicator or norm", True),
            _col("indicator", S, "indicator phrase in simplified Chinese", True),
            _col("indicator_id", S, "catalogue id, null where none fits"),
            _col("value", F, "value in `unit`; null where damaged or unreadable"),
            _col("value_lo", F, "lower end of what the wording allows"),
            _col("value_hi", F, "upper end of what the wording allows; null where open"),
            _col("values", pl.List(F), "the numbers of a range or a ratio as written"),
            _col("unit", S, "base unit, simplified Chinese or symbol"),
            _col("kind", S, "actual, target, change, growth, completion or norm", True),
            _col("direction", S, "up, down, at_most, at_least, equal"),
            _col("approx", S, "exact, about, at_least, at_most", True),
            _col("scope", S, "place or body inside the section's place, as the text says; empty for the whole", True),
            _col("place_code", S, "GB/T 2260 code"),
            _col("place_name", S, "full name of the place"),
            _col("basis", S, "statistical basis; empty where not said", True),
            _col("period", S, "normalised period; null where nothing is said"),
            _col("period_kind", S, "annual, ytd, quarter, half, month, school_year, asof, span, day, unknown", True),
            _col("period_text", S, "words the period comes from"),
            _col("status", S, "reported, preliminary, forecast, revised, census", True),
            _col("source_kind", S, "document or series", True),
            _col("source_rank", N, "authority of the source, 1 is highest (METHODOLOGY 4.2)", True),
            _col("links_rel", LIST, "relations to other mentions", True),
            _col("links_to", LIST, "observation ids of these mentions", True),
            _col("flags", LIST, "damaged, masked, duplicate, unit_inferred, loose_point ...", True),
            _col("candidates", LIST, "readings that the damaged text also allows", True),
            _col("confidence", F, "0 to 1", True),
            _col("rule", S, "rules that made the record, in order", True),
            _col("extractor_version", S, "hash of the code and vocabularies", True),
        ),
    ),
    Table(
        "indicators",
        "One row per catalogue entry.",
        ("indicator_id",),
        (
            _col("indicator_id", S, "id", True),
            _col("name_en", S, "English name", True),
            _col("name_zh", S, "Chinese name", True),
            _col("aliases_zh", S, "other Chinese names, separated by |"),
            _col("topic", S, "topic", True),
            _col("unit", S, "unit", True),
            _col("measure_type", S, "kind:time, e.g. rate:flow", True),
            _col("polarity", S, "ceiling, floor, range or none", True),
            _col("plausible_min", F, "lowest plausible annual value of a county"),
            _col("plausible_max", F, "highest plausible annual value of a county"),
            _col("target_min", F, "lowest plausible annual target"),
            _col("target_max", F, "highest plausible annual target"),
            _col("accumulates_within_year", S, "yes or no"),
            _col("annualise", S, "yes, pace_only or never"),
            _col("numerator_id", S, "numerator of a rate"),
            _col("denominator_id", S, "denominator of a rate"),
            _col("part_of_id", S, "whole that a count or amount belongs to"),
            _col("definition", S, "definition with its source", True),
            _col("typical_basis", S, "basis such figures usually have"),
            _col("confidence", S, "confidence in definition and bounds"),
        ),
    ),
    Table(
        "places",
        "One row per administrative unit that the data speak of, with its parents.",
        ("place_code",),
        (
            _col("place_code", S, "GB/T 2260 code", True),
            _col("name_zh", S, "name", True),
            _col("full_name_zh", S, "name with its parents", True),
            _col("name_en", S, "name in Latin letters", True),
            _col("level", S, "province, prefecture or county", True),
            _col("parent_code", S, "code of the unit above"),
            _col("valid_from", N, "first year the code was valid, null if before 1980"),
            _col("valid_to", N, "last year the code was valid, null if still valid"),
        ),
    ),
    Table(
        "targets",
        "One row per target read from a document.",
        ("target_id",),
        (
            _col("target_id", S, "target:observation_id of the phrase", True),
            _col("doc_id", S, "document", True),
            _col("place_code", S, "GB/T 2260 code; null where the place is masked"),
            _col("place_name", S, "full name of the place"),
            _col("indicator_id", S, "catalogue id"),
            _col("indicator", S, "indicator phrase", True),
            _col("scope", S, "scope inside the place; empty for the whole", True),
            _col("period", S, "period the target is for"),
            _col("value", F, "the target, in `unit`; null where unreadable"),
            _col("unit", S, "unit"),
            _col("relation", S, "at_most (ceiling), at_least (floor), equal", True),
            _col("set_by", S, "who set it: 市定, 省定 ...; empty where not said", True),
            _col("tone", S, "force of the wording: 力争, 确保, 左右, 不低于 ...; empty where plain", True),
            _col("reading", S, "level or margin (METHODOLOGY 5)"),
            _col("reading_confidence", S, "high, medium or low"),
            _col("alternative_value", F, "the target if the phrase is read the other way"),
            _col("robust", B, "both readings give gaps of the same sign"),
            _col("actual_observation_id", S, "observation the phrase compares with the target"),
            _col("observation_ids", LIST, "observations the target was read from", True),
            _col("sentence", S, "sentence", True),
            _col("flags", LIST, "flags", True),
        ),
    ),
    Table(
        "series",
        "One row per published point.",
        ("place_code", "indicator_id", "basis", "scope", "period_kind", "period"),
        (
            *_PLACE,
            _col("year", N, "calendar year the period ends in", True),
            _col("value", F, "value in `unit`", True),
            _col("value_lo", F, "lower end of what the wording allows"),
            _col("value_hi", F, "upper end of what the wording allows; null where open"),
            _col("unit", S, "unit", True),
            _col("status", S, "revised, reported, preliminary, derived, implied, forecast", True),
            _col("observation_id", S, "observation the point was taken from", True),
            _col("n_sources", N, "observations for the same key", True),
            _col("conflict", S, "minor, material or severe where sources disagree; null where they agree"),
            _col("conflict_delta", F, "relative difference of the sources that disagree most"),
            _col("other_observation_ids", LIST, "the observations not chosen", True),
            _col("flags", LIST, "flags", True),
        ),
    ),
    Table(
        "growth_rates",
        "One row per point against an earlier point.",
        ("place_code", "indicator_id", "basis", "scope", "period_kind", "period"),
        (
            *_PLACE,
            _col("prior_period", S, "period compared with"),
            _col("n_years", N, "years between the two"),
            _col("value", F, "value", True),
            _col("prior_value", F, "value of the prior period"),
            _col("unit", S, "unit", True),
            _col("abs_change", F, "value - prior value, in the unit (points for rates)"),
            _col("abs_change_lo", F, "lower end"),
            _col("abs_change_hi", F, "upper end"),
            _col("growth", F, "value / prior value - 1, a ratio; for rates the relative change of the rate"),
            _col("growth_lo", F, "lower end"),
            _col("growth_hi", F, "upper end"),
            _col("cagr", F, "mean annual growth over n_years, a ratio"),
            _col("symmetric_growth", F, "2(x1-x0)/(|x1|+|x0|), for ranking only"),
            _col("beyond_rounding", B, "the interval of the change excludes zero"),
            _col("reason", S, "why growth is null: zero_base, negative_base, sign_change, break, missing ..."),
            _col(
                "trend_class",
                S,
                "Eurostat class without a target of the five years up to here, at the last annual point of a line only",
            ),
            _col("flags", LIST, "small_base, points, gap_in_series, unstable, implied, two_point, within_chance", True),
            _col("observation_id", S, "observation of the point", True),
            _col("prior_observation_id", S, "observation of the prior point"),
        ),
    ),
    Table(
        "target_gaps",
        "One row per point against a target.",
        ("target_id", "observation_id"),
        (
            _col("target_id", S, "target", True),
            _col("observation_id", S, "observation of the value", True),
            _col("place_code", S, "GB/T 2260 code; null where the place is masked"),
            _col("place_name", S, "full name of the place"),
            _col("indicator_id", S, "catalogue id"),
            _col("indicator", S, "indicator phrase", True),
            _col("period", S, "period of the value"),
            _col("period_kind", S, "kind of that period", True),
            _col("target_period", S, "period the target is for"),
            _col("value", F, "value", True),
            _col("target", F, "target", True),
            _col("unit", S, "unit"),
            _col("relation", S, "at_most (ceiling), at_least (floor), equal", True),
            _col("gap", F, "positive: met with room to spare; negative: shortfall (points for rates)"),
            _col("gap_lo", F, "lower end"),
            _col("gap_hi", F, "upper end"),
            _col("gap_label", S, "gap, or headroom where a year-to-date value meets an annual target", True),
            _col("attainment", F, "value / target for floors and plans"),
            _col("ceiling_use", F, "value / target for ceilings, lower is better"),
            _col("elapsed_share", F, "share of the year elapsed"),
            _col("pace", F, "(value/target)/elapsed share"),
            _col("gap_to_date", F, "gap against the share of the target due by now"),
            _col("room_for_rest", F, "what the rest of the year may hold, as an annual rate"),
            _col("annualised_value", F, "value / elapsed share, where the indicator allows it"),
            _col("annualised_lo", F, "lower end"),
            _col("annualised_hi", F, "upper end"),
            _col(
                "status",
                S,
                "met, met_within_rounding, missed, on_pace_robust, on_pace, behind_pace, under_way, open ...",
                True,
            ),
            _col("progress_class", S, "Eurostat class towards the target: met, lost, on_track, moderate ..."),
            _col(
                "progress_ratio", F, "mean annual rate so far over the one that leads to the target (METHODOLOGY 8.3)"
            ),
            _col("linear_ratio", F, "the same for straight lines"),
            _col("un_class", S, "UN Progress Chart: on_track, fair, stagnation, regression"),
            _col("escap_status", F, "ESCAP Current Status, 10 at the target"),
            _col("escap_line", F, "status that an even advance would have by now"),
            _col("required_change", F, "change a year that reaches the target"),
            _col(
                "projected_date", F, "year, with decimals, in which a straight line through the series meets the target"
            ),
            _col("projected_early", F, "early end of its 80% range; null below four points"),
            _col("projected_late", F, "late end; null where the line may not lead there"),
            _col("p_met", F, "probability that the target year's value meets the target, by that line"),
            _col("base_year", N, "year of the value progress is measured from"),
            _col("base_value", F, "that value"),
            _col("reading", S, "level or margin"),
            _col("alternative_target", F, "target under the other reading"),
            _col("alternative_gap", F, "gap under the other reading"),
            _col("robust", B, "both gaps have the same sign"),
            _col("confidence", S, "high, medium or low"),
            _col("flags", LIST, "ytd_sample, method_sensitive ...", True),
        ),
    ),
    Table(
        "checks",
        "One row per reconciliation or quality check.",
        ("check_id",),
        (
            _col("check_id", S, "kind and observations, hashed", True),
            _col(
                "kind", S, "parts, rate, births, natural_growth, change, plan, per_head, shares, range, slip ...", True
            ),
            _col("subject", S, "what was checked, in words", True),
            _col("doc_id", S, "document, null for checks across documents"),
            _col("place_code", S, "GB/T 2260 code"),
            _col("period", S, "period"),
            _col("verdict", S, "exact, rounding, loose, fails, undecided, flag", True),
            _col("difference", F, "left side minus right side"),
            _col("tolerance", F, "half-width of the interval of the difference"),
            _col("expected", F, "right side"),
            _col("found", F, "left side"),
            _col("proposal", S, "smallest change that would make it hold; never applied"),
            _col("observation_ids", LIST, "observations involved", True),
        ),
    ),
    Table(
        "review",
        "One row per reading an analyst should look at.",
        ("observation_id", "why"),
        (
            _col("observation_id", S, "observation or doc_id:start-end of an unread mention", True),
            _col("why", S, "low_confidence, unread, uncatalogued, damaged, conflict", True),
            _col("doc_id", S, "document", True),
            _col("raw", S, "as found", True),
            _col("reading", S, "how it was read"),
            _col("sentence", S, "sentence"),
        ),
    ),
    Table(
        "publications",
        "One row per publication of the warehouse.",
        ("vintage",),
        (
            _col("vintage", S, "UTC time of publication", True),
            _col("extractor_version", S, "hash of the code and vocabularies that read documents", True),
            _col("code_version", S, "version of the package and hash of all its code"),
            _col("inputs_sha256", S, "hash over the paths and hashes of all inputs", True),
            _col("tables_sha256", S, "hash over the sorted contents of all tables but this one", True),
            _col("n_documents", N, "documents; `documents` has the hash of each", True),
            _col("n_unread", N, "documents that could not be read in full"),
            _col("n_observations", N, "observations", True),
            _col("n_series", N, "published points", True),
            _col(
                "gates",
                LIST,
                "rules that held before publication; `coverage` from the second publication on, `coverage by counts` where the tables before were of a schema that cannot be compared",
            ),
            _col("verdicts", LIST, "rows of `checks` by verdict, e.g. rounding 120"),
            _col("accepted", S, "why fewer figures than before were accepted, and which; null where none were lost"),
            _col("schema_version", N, "version of this schema", True),
        ),
    ),
)

BY_NAME: Mapping[str, Table] = {t.name: t for t in TABLES}
SCHEMAS: Mapping[str, dict[str, Any]] = {t.name: t.schema for t in TABLES}


class SchemaError(ValueError):
    """A frame does not fit its table; the message lists every fault."""


def in_key_order(frame: pl.DataFrame, key: Sequence[str], unique: bool = False) -> bool:
    """Whether the rows ascend by `key`, nulls last; with `unique`, also whether no key occurs twice.

    One pass over neighbours, many times faster than sorting or hashing a table that is in order already.
    """
    if frame.height < 2:
        return True
    tied = pl.repeat(True, frame.height - 1, eager=True)
    for name in key:
        last, this = frame[name].slice(0, frame.height - 1), frame[name].slice(1)
        same = last.eq_missing(this)
        decides = tied & ~same
        if decides.sum() * 4 < decides.len():  # most columns change seldom: compare these rows alone
            last, this, decides = last.filter(decides), this.filter(decides), decides.filter(decides)
        ascends = last < this
        if last.null_count() or this.null_count():
            ascends = ascends.fill_null(False) | (last.is_not_null() & this.is_null())
        if not (ascends | ~decides).all():
            return False
        tied = tied & same
    return not (unique and tied.any())


def conform(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the table's columns in order; raises SchemaError on missing or foreign columns, wrong types, nulls
    in required columns, NaN or infinite numbers, or a key that occurs twice."""
    t = BY_NAME[table]
    faults: list[str] = []
    missing = [c.name for c in t.columns if c.name not in frame.columns]
    foreign = [c for c in frame.columns if c not in t.schema]
    if missing or foreign:
        raise SchemaError(f"{table}: missing columns {missing}, foreign columns {foreign}")
    frame = frame.select(list(t.schema))
    for c in t.columns:
        have = frame.schema[c.name]
        if have != c.dtype:
            if have == pl.Null or (have.is_integer() and c.dtype in (N, F)) or have == pl.List(pl.Null):
                frame = frame.with_columns(pl.col(c.name).cast(c.dtype))
            else:
                faults.append(f"{c.name} is {have}, not {c.dtype}")
                continue
        if c.required and frame[c.name].null_count():
            faults.append(f"{c.name} holds {frame[c.name].null_count()} nulls")
    numbers = [c.name for c in t.columns if c.dtype == F and frame.schema[c.name] == F]
    for name, finite in frame.select(pl.col(numbers).is_finite().all()).to_dict().items():
        if not finite.all():
            faults.append(f"{name} holds NaN or infinite numbers")
    if not faults and frame.height and not in_key_order(frame, t.key, unique=True):
        repeated = frame.height - frame.select(list(t.key)).n_unique()
        if repeated:
            faults.append(f"key ({', '.join(t.key)}) is not unique: {repeated} rows too many")
    if faults:
        raise SchemaError(f"{table}: " + "; ".join(faults))
    return frame


def empty(table: str) -> pl.DataFrame:
    """The table without rows."""
    return pl.DataFrame(schema=BY_NAME[table].schema)
