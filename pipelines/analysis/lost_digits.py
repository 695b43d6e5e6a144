"""What a digit that a copy lost may have been: every value the bytes allow, and the one that the document itself proves.

Here: candidate values of damaged numbers, tried one after the other against the identities of their own document. Not
here: repair of texts (documents), the identities (reconcile). A proposal is inference, not reading: it never becomes the
value of an observation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import polars as pl

from pipelines.analysis.reconcile import identity_checks
from pipelines.documents.model import DAMAGE_MARK
from pipelines.extraction.numerals import arabic_value
from pipelines.warehouse.schema import SCHEMAS, conform

SCHEMA: Final[dict[str, Any]] = {
    "observation_id": pl.String,
    "doc_id": pl.String,
    "place_code": pl.String,
    "period": pl.String,
    "indicator": pl.String,
    "candidates": pl.List(pl.String),  # as they would be written, without scale word
    "candidate_values": pl.List(pl.Float64),  # in the unit of the observation
    "proposal": pl.String,  # the one candidate that an identity allows, as written; null where none or several are
    "proposal_value": pl.Float64,
    "proof": pl.String,  # the identities, in words
    "proof_ids": pl.List(pl.String),  # observations they were proved with
}
"""Columns of `lost_digits`, one row per damaged number with a lost character in front of its digits."""

_SHOWN: Final = re.compile(
    rf"(?P<comma>,?){DAMAGE_MARK}(?:(?P<point>[.,]){DAMAGE_MARK})?(?P<digits>[0-9][0-9,]*(?:\.[0-9]+)?)"
    r"(?P<scale>[十百千万亿]*)"
)
_DIGITS: Final = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?")
_GROUPS: Final = re.compile(r"[0-9]{3}(?:,[0-9]{3})*(?:\.[0-9]+)?")
_HOLDS: Final = ("exact", "rounding")
_WORLD: Final = "\x1f"
_AT_ONCE: Final = 20
"""Damaged numbers whose candidates are tried together."""
_SAME: Final = ("doc_id", "place_code", "scope", "basis", "period", "unit", "kind")


class Candidate(NamedTuple):
    """One value a damaged number may have had: as written, in the unit, and the ends of what the digits allow."""

    text: str
    value: float
    lo: float
    hi: float


class _Damaged(NamedTuple):
    row: dict[str, Any]
    start: int  # where the digits stand in the sentence
    end: int
    candidates: list[Candidate]


def candidates(sentence: str, raw: str) -> tuple[tuple[int, int], list[Candidate]]:
    """Where a number stands in its sentence that lost the character in front of its digits, and the values it may have had.

    `sentence` is repaired and has a mark where the character is lost, `raw` is the number in the file. The character is
    one of 20-3F (docs/damage.md): a digit, a sign, or no part of the number at all, such as a bracket. Where the number
    cannot be found, or two that differ could be meant, the list is empty.

    >>> [c.text for c in candidates("下拨\\ufffd00万元。", "?lián)?00萬(wàn)元")[1]]
    ['100', '200', '300', '400', '500', '600', '700', '800', '900']
    """
    tail = _DIGITS.search(raw, max(raw.rfind("?"), raw.rfind("？")) + 1)
    found = [m for m in _SHOWN.finditer(sentence) if tail is not None and m["digits"] == tail.group().lstrip(",")]
    if not found or len({m.group() for m in found}) > 1:
        return (0, 0), []
    shown = found[0]
    digits, scale = shown["digits"], shown["scale"]
    if shown["point"] == ".":
        texts = [f"{d}.{digits}" for d in range(10)]
    else:
        grouped = (shown["point"] == "," or shown["comma"]) and _GROUPS.fullmatch(digits)
        texts = [f"{d}{',' if grouped else ''}{digits}" for d in range(1, 10)]
        if not digits.startswith("0") or digits.startswith("0."):
            texts.append(digits)
            if not grouped:
                texts.append(f"-{digits}")
    return shown.span("digits"), [_candidate(text, scale) for text in texts]


def _candidate(text: str, scale: str) -> Candidate:
    digits = text.lstrip("-")
    value = arabic_value(digits, scale)
    _, _, decimals = digits.partition(".")
    unit_place = arabic_value("1", scale) / 10 ** len(decimals)
    half = unit_place / 2 if decimals or scale else 0.0
    signed = -value if text.startswith("-") else value
    return Candidate(text, signed, signed - half, signed + half)


def lost_digits(observations: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """Candidates of every damaged number, and the proposal where the document proves one (columns: SCHEMA).

    Each candidate is put in the number's place, and the identities of `reconcile.identity_checks` that it takes part in are
    computed anew: sums with their parts, rates with numerator and denominator, changes, shares; besides, a sum told with
    其中, and another mention of the same figure. A candidate is allowed where none of them fails and all hold that hold
    for any candidate. Only a single allowed candidate is proposed.
    """
    damaged = list(_damaged(observations))
    if not damaged:
        return pl.DataFrame(schema=SCHEMA)
    observations = observations.filter(pl.col("doc_id").is_in({one.row["doc_id"] for one in damaged}))
    verdicts = pl.concat([_verdicts(damaged, observations, indicators), _repeats(damaged, observations)])
    held = pl.col("verdict").is_in(_HOLDS)
    proving = verdicts.filter(held).group_by("number").agg(pl.col("subject").n_unique().alias("proofs"))
    allowed = (
        verdicts.group_by("number", "candidate")
        .agg(
            (pl.col("verdict") == "fails").any().alias("fails"),
            pl.col("subject").filter(held).unique(maintain_order=True),
            pl.col("ids").filter(held).explode(),
        )
        .join(proving, on="number")
        .filter((pl.col("subject").list.len() == pl.col("proofs")) & ~pl.col("fails"))
    )
    by_number = {
        number: rows.sort("candidate").to_dicts() for (number,), rows in allowed.group_by("number", maintain_order=True)
    }
    out: list[dict[str, Any]] = []
    for number, (row, _, _, values) in enumerate(damaged):
        fits = by_number.get(number, [])
        best = values[fits[0]["candidate"]] if len(fits) == 1 else None
        out.append(
            {c: row[c] for c in ("observation_id", "doc_id", "place_code", "period")}
            | {
                "indicator": row["indicator"],
                "candidates": [c.text for c in values],
                "candidate_values": [c.value for c in values],
                "proposal": best.text if best else None,
                "proposal_value": best.value if best else None,
                "proof": "; ".join(fits[0]["subject"]) if best else None,
                "proof_ids": sorted(set(fits[0]["ids"]) - {row["observation_id"]}) if best else [],
            }
        )
    return pl.DataFrame(out, schema=SCHEMA)


def lost_digit_checks(observations: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """Rows of `checks` of kind lost_digit, one per damaged number: undecided, with what it may have been."""
    found = lost_digits(observations, indicators)
    listed = pl.col("candidates").list.join(", ")
    table = found.select(
        pl.concat_str(pl.lit("lost_digit:"), "observation_id").alias("check_id"),
        pl.lit("lost_digit").alias("kind"),
        pl.format("lost digit of {}", "indicator").alias("subject"),
        "doc_id",
        "place_code",
        "period",
        pl.lit("undecided").alias("verdict"),
        pl.lit(None, pl.Float64).alias("difference"),
        pl.lit(None, pl.Float64).alias("tolerance"),
        pl.col("proposal_value").alias("expected"),
        pl.lit(None, pl.Float64).alias("found"),
        pl.when(pl.col("proposal").is_not_null())
        .then(pl.format("only {} of {} fits {}", "proposal", listed, "proof"))
        .otherwise(pl.format("one of {}", listed))
        .alias("proposal"),
        pl.concat_list("observation_id", "proof_ids").alias("observation_ids"),
    )
    return conform("checks", table.select(list(SCHEMAS["checks"])))


def _damaged(observations: pl.DataFrame) -> Iterator[_Damaged]:
    """Damaged numbers whose lost character stands in front of their digits, with the mark taken out of the phrase."""
    rows = observations.filter(
        pl.col("flags").list.contains("damaged")
        & pl.col("value").is_null()
        & pl.col("sentence").str.contains(DAMAGE_MARK, literal=True)
    )
    for row in rows.iter_rows(named=True):
        place, values = candidates(row["sentence"], row["raw"])
        if values:
            phrase = re.sub(rf"[.,]?{DAMAGE_MARK}[.,]?", "", row["indicator"])
            yield _Damaged(row | {"indicator": phrase}, *place, values)


def _related(one: _Damaged, observations: pl.DataFrame) -> pl.DataFrame:
    """What can share an identity with a number: its sentence, and its section's figures of the same year."""
    row = one.row
    year = re.search("[0-9]{4}", row["period"] or "")
    same = pl.col("period").str.contains(year.group(), literal=True).fill_null(False) if year else pl.lit(False)
    near = observations.filter(
        (pl.col("doc_id") == row["doc_id"])
        & (pl.col("section") == row["section"])
        & ((pl.col("sentence") == row["sentence"]) | same)
    )
    return _with_sum(one, near)


def _with_sum(one: _Damaged, rows: pl.DataFrame) -> pl.DataFrame:
    """Links of a sum told with 其中, which only values can have: from the parts to a damaged whole, or of a damaged part."""
    row = one.row
    sentence: str = row["sentence"]
    among = sentence.find("其中")
    if among < 0:
        return rows
    inside = (pl.col("sentence") == sentence) & (pl.col("unit") == row["unit"]) & (pl.col("kind") == row["kind"])
    if one.end <= among:
        if re.search("[0-9]", sentence[one.end : among]):
            return rows
        part = inside & (pl.col("start_char") > row["start_char"]) & (pl.col("links_rel").list.len() == 0)
        whole = row["observation_id"]
    else:
        links = rows.filter(inside).explode("links_rel", "links_to").filter(pl.col("links_rel") == "part_of")
        wholes = links["links_to"].unique().to_list()
        if len(wholes) != 1:
            return rows
        part, whole = pl.col("observation_id") == row["observation_id"], wholes[0]
    return rows.with_columns(
        pl.when(part).then(pl.concat_list("links_rel", pl.lit("part_of"))).otherwise("links_rel").alias("links_rel"),
        pl.when(part).then(pl.concat_list("links_to", pl.lit(whole))).otherwise("links_to").alias("links_to"),
    )


def _worlds(number: int, one: _Damaged, observations: pl.DataFrame) -> pl.DataFrame:
    """The related figures once for each candidate, which stands in the damaged number's place."""
    tried = pl.DataFrame(
        [(f"{_WORLD}{number}{_WORLD}{n}", c.value, c.lo, c.hi) for n, c in enumerate(one.candidates)],
        schema=["world", "own", "own_lo", "own_hi"],
        orient="row",
    )
    own = pl.col("observation_id") == one.row["observation_id"]
    worlds = (
        _related(one, observations)
        .join(tried, how="cross")
        .with_columns(
            pl.when(own).then("own").otherwise("value").alias("value"),
            pl.when(own).then("own_lo").otherwise("value_lo").alias("value_lo"),
            pl.when(own).then("own_hi").otherwise("value_hi").alias("value_hi"),
            pl.when(own)
            .then(pl.col("flags").list.set_difference(pl.lit(["damaged"])))
            .otherwise("flags")
            .alias("flags"),
            pl.when(own).then(pl.lit(one.row["indicator"])).otherwise("indicator").alias("indicator"),
            pl.col("doc_id") + pl.col("world"),
            pl.col("observation_id") + pl.col("world"),
        )
        .with_row_index("line")
    )
    linked = (
        worlds.select("line", "world", "links_to")
        .explode("links_to")
        .group_by("line", maintain_order=True)
        .agg((pl.col("links_to") + pl.col("world")).drop_nulls())
    )
    return worlds.drop("links_to").join(linked, on="line", how="left").select(observations.columns)


def _verdicts(damaged: list[_Damaged], observations: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """Verdicts of the identities a candidate takes part in: number, candidate, verdict, subject, ids."""
    found: list[pl.DataFrame] = []
    for first in range(0, len(damaged), _AT_ONCE):
        some = range(first, min(first + _AT_ONCE, len(damaged)))
        worlds = pl.concat([_worlds(n, damaged[n], observations) for n in some])
        found.append(identity_checks(worlds, indicators))
    own = pl.DataFrame(
        [(n, one.row["observation_id"]) for n, one in enumerate(damaged)],
        schema={"number": pl.Int64, "observation_id": pl.String},
        orient="row",
    )
    told = (
        pl.concat(found)
        .with_row_index("check")
        .select("check", "verdict", "subject", pl.col("observation_ids").alias("id"))
        .explode("id")
        .with_columns(pl.col("id").str.split(_WORLD).alias("parts"))
        .select(
            "check",
            "verdict",
            "subject",
            pl.col("parts").list.get(0).alias("id"),
            pl.col("parts").list.get(1).cast(pl.Int64).alias("number"),
            pl.col("parts").list.get(2).cast(pl.Int64).alias("candidate"),
        )
        .group_by("check", "number", "candidate", "verdict", "subject", maintain_order=True)
        .agg(pl.col("id").alias("ids"))
    )
    return (
        told.join(own, on="number")
        .filter(pl.col("ids").list.contains(pl.col("observation_id")))
        .select("number", "candidate", "verdict", "subject", "ids")
    )


def _repeats(damaged: list[_Damaged], observations: pl.DataFrame) -> pl.DataFrame:
    """The same figure told elsewhere in the document, as a verdict on each candidate (columns as of `_verdicts`)."""
    tried = pl.DataFrame(
        [
            {
                **{c: one.row[c] for c in (*_SAME, "indicator_id", "indicator", "observation_id")},
                "number": number,
                "candidate": n,
                "lo": c.lo,
                "hi": c.hi,
            }
            for number, one in enumerate(damaged)
            for n, c in enumerate(one.candidates)
        ],
        schema={
            **{c: observations.schema[c] for c in (*_SAME, "indicator_id", "indicator", "observation_id")},
            "number": pl.Int64,
            "candidate": pl.Int64,
            "lo": pl.Float64,
            "hi": pl.Float64,
        },
    )
    told = observations.filter(pl.col("value").is_not_null() & pl.col("period").is_not_null()).select(
        *_SAME,
        "indicator_id",
        "indicator",
        pl.col("observation_id").alias("other"),
        pl.coalesce("value_lo", "value").alias("other_lo"),
        pl.coalesce("value_hi", "value").alias("other_hi"),
    )
    pairs = tried.join(told, on=list(_SAME), how="inner", nulls_equal=True, suffix="_other").filter(
        pl.when(pl.col("indicator_id").is_not_null())
        .then(pl.col("indicator_id") == pl.col("indicator_id_other"))
        .otherwise(pl.col("indicator") == pl.col("indicator_other"))
    )
    agrees = (pl.col("other_lo") <= pl.col("hi")) & (pl.col("other_hi") >= pl.col("lo"))
    return pairs.select(
        "number",
        "candidate",
        pl.when(agrees).then(pl.lit("rounding")).otherwise(pl.lit("fails")).alias("verdict"),
        pl.format("{} told again", "indicator").alias("subject"),
        pl.concat_list("observation_id", "other").alias("ids"),
    )
