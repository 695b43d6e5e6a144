"""Which values could be wrong where figures disagree: the smallest repairs, slipped digits and slipped units.

Here: error location after Fellegi and Holt over groups of checks that share values, and the words of the proposals
(METHODOLOGY 9, 10.4). Not here: finding the checks (reconcile.py). Nothing is corrected.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import polars as pl


@dataclass(frozen=True, slots=True)
class Identity:
    """A check among named values: Σ coefficient·value = 0 (`terms`), or rate = factor·numerator/denominator (`ratio`)."""

    name: str
    terms: tuple[tuple[str, float], ...] = ()
    ratio: tuple[str, str, str, float] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The values that take part."""
        return tuple(n for n, _ in self.terms) if self.ratio is None else self.ratio[:3]


_Span = tuple[float, float]
_EVERYTHING: _Span = (-math.inf, math.inf)


def _scaled(span: _Span, by: float) -> _Span:
    a, b = span[0] * by, span[1] * by
    return min(a, b), max(a, b)


def _product(a: _Span, b: _Span) -> _Span:
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)


def _quotient(a: _Span, b: _Span) -> _Span:
    return _EVERYTHING if b[0] <= 0 <= b[1] else _product(a, (1 / b[1], 1 / b[0]))


def _implied(identity: Identity, name: str, spans: Mapping[str, _Span]) -> _Span:
    """Interval that the identity leaves for one of its values, given the others."""
    if any(not math.isfinite(v) for n in identity.names if n != name for v in spans[n]):
        return _EVERYTHING
    if identity.ratio is None:
        own = next(c for n, c in identity.terms if n == name)
        rest = [_scaled(spans[n], c) for n, c in identity.terms if n != name]
        return _scaled((sum(r[0] for r in rest), sum(r[1] for r in rest)), -1 / own)
    rate, numerator, denominator, factor = identity.ratio
    if name == rate:
        return _scaled(_quotient(spans[numerator], spans[denominator]), factor)
    if name == numerator:
        return _scaled(_product(spans[rate], spans[denominator]), 1 / factor)
    return _scaled(_quotient(spans[numerator], spans[rate]), factor)


def _holds(identity: Identity, spans: Mapping[str, _Span]) -> bool:
    first = identity.names[0]
    lo, hi = _implied(identity, first, spans)
    slack = 1e-9 * max(1.0, abs(lo), abs(hi)) if math.isfinite(lo) and math.isfinite(hi) else 0.0
    return lo - slack <= spans[first][1] and spans[first][0] - slack <= hi


def smallest_repairs(
    spans: Mapping[str, tuple[float, float]], identities: Sequence[Identity], largest: int = 3
) -> list[dict[str, tuple[float, float]]]:
    """Every smallest set of values whose change makes all identities hold, with the interval each must lie in.

    After Fellegi and Holt (METHODOLOGY 9). Empty where all hold, or where no set of up to `largest` values does it; more
    than one set means undecided. Proposals only. Raises KeyError where an identity names an unknown value.
    """
    failing = [i for i in identities if not _holds(i, spans)]
    if not failing:
        return []
    names = sorted({n for i in identities for n in i.names})
    for size in range(1, largest + 1):
        found = []
        for chosen in combinations(names, size):
            if not all(set(i.names) & set(chosen) for i in failing):
                continue
            repaired = _solve(dict(spans), chosen, identities)
            if repaired is not None:
                found.append(repaired)
        if found:
            return found
    return []


def _solve(spans: dict[str, _Span], chosen: Sequence[str], identities: Sequence[Identity]) -> dict[str, _Span] | None:
    for name in chosen:
        spans[name] = _EVERYTHING
    for _ in range(len(chosen) + 1):
        for identity in identities:
            for name in set(identity.names) & set(chosen):
                lo, hi = _implied(identity, name, spans)
                spans[name] = max(lo, spans[name][0]), min(hi, spans[name][1])
                if spans[name][0] > spans[name][1]:
                    return None
    if any(not math.isfinite(v) for name in chosen for v in spans[name]):
        return None
    return {name: spans[name] for name in chosen} if all(_holds(i, spans) for i in identities) else None


# ------------------------------------------------------------------------------------------------------ slipped values

LOCATED = 50
"""Groups of failing checks that are looked into in one document or, across documents, in one place; more of them tell of
a fault in reading, not of slips."""

UNIT_SLIPS = (1, 2, 3, 4, 8)
"""Powers of ten that separate the units in use: 成, %, ‰, 万, 亿."""


def digit_slips(written: str, lo: float, hi: float) -> list[str]:
    """Numbers that differ from `written` by one changed, dropped or added digit, or by two neighbouring digits exchanged,
    and lie in [lo, hi], nearest to the middle first (METHODOLOGY 10.4). Proposals only."""
    good = []
    for text in _slipped(written, lo, hi) - {written}:
        if not text or text.startswith(".") or (text[0] == "0" and text[1:2].isdigit()):
            continue
        if lo <= float(text) <= hi:
            good.append(text)
    middle = (lo + hi) / 2 if math.isfinite(lo + hi) else lo
    return sorted(good, key=lambda t: (abs(float(t) - middle), t))


def _slipped(written: str, lo: float, hi: float) -> set[str]:
    """Texts of one slip whose value lies in about [lo, hi] and that have no more decimals than `written`.

    Slips are tried on the digits as one whole number: a text is only put together where its number fits.
    """
    whole, _, fraction = written.partition(".")
    digits, decimals = whole + fraction, len(fraction)
    number, length = int(digits), len(digits)
    room = 1e-6 + 1e-9 * max(abs(number), *(abs(v) * 10.0**decimals for v in (lo, hi) if math.isfinite(v)), 0.0)
    least, most = lo * 10.0**decimals - room, hi * 10.0**decimals + room
    found: set[str] = set()

    def fitting(without: int, place: int) -> range:
        """Digits which at `place` bring a number near to [lo, hi]."""
        first, last = (min(max((end - without) / place, -1.0), 10.0) for end in (least, most))
        return range(max(math.ceil(first - 1e-9), 0), min(math.floor(last + 1e-9), 9) + 1)

    def add(slipped: int, text: str) -> None:
        if least <= slipped <= most:
            found.add(text)

    for i in range(length):
        at = i if i < len(whole) else i + 1  # where the digit stands in `written`
        before, after = written[:at], written[at + 1 :]
        place = 10 ** (length - 1 - i)
        digit, rest = int(digits[i]), number % place
        found.update(f"{before}{d}{after}" for d in fitting(number - digit * place, place))
        add((number // (10 * place) * place + rest) * (10 if i >= len(whole) else 1), before + after)
        if after[:1].isdigit():
            add(number + (int(after[0]) - digit) * (place - place // 10), before + after[0] + digits[i] + after[1:])
    for i in range(len(whole) + 1):
        place = 10 ** (length - i)
        slipped = number // place * place * 10 + number % place
        found.update(f"{written[:i]}{d}{written[i:]}" for d in fitting(slipped, place))
    return found


def unit_slips(value: float, lo: float, hi: float) -> list[int]:
    """Powers of ten by which `value` may have slipped: value/10^k lies in [lo, hi]. Proposals only."""
    return [k for p in UNIT_SLIPS for k in (p, -p) if value and lo <= value / 10.0**k <= hi]


def _shown(span: _Span) -> str:
    lo, hi = span
    return f"{(lo + hi) / 2:.6g}" if hi - lo <= 1e-6 * max(abs(lo), abs(hi)) else f"{lo:.6g}..{hi:.6g}"


def _slack(span: _Span) -> _Span:
    room = 1e-9 * max(abs(span[0]), abs(span[1]))
    return span[0] - room, span[1] + room


def _change_in_words(name: str, value: float, span: _Span) -> str:
    """One value's change, with the slip of a digit or a unit that would explain it."""
    words = f"{name} {value:.12g} -> {_shown(span)}"
    slips = [f"10^{k} too {'large' if k > 0 else 'small'}" for k in unit_slips(value, *_slack(span))]
    written = f"{abs(value):.12g}"
    if value >= 0 and "e" not in written:
        slips += [f"{t} by one digit" for t in digit_slips(written, *_slack(span))[:2]]
    return f"{words} ({'; '.join(slips)})" if slips else words


_Row = Mapping[str, Any]


def _systems(checks: pl.DataFrame) -> list[list[_Row]]:
    """Groups of checks that hang together by shared values, each with one failing check at least; at most `LOCATED`
    of a document or place, those with the first ids."""
    failing = checks.filter(pl.col("verdict") == "fails")["observation_ids"].explode(empty_as_null=False).unique()
    values = checks.select(pl.row_index("row"), "observation_ids").explode("observation_ids", empty_as_null=False)
    near = values.filter(pl.col("observation_ids").is_in(failing.implode()))["row"].unique()
    rows = list(checks[near].sort("check_id").iter_rows(named=True))
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = name = leader[leader[name]]
        return name

    for row in rows:
        for other in row["observation_ids"][1:]:
            leader[find(other)] = find(row["observation_ids"][0])
    groups: dict[str, list[_Row]] = {}
    for row in rows:
        groups.setdefault(find(row["observation_ids"][0]), []).append(row)
    seen: Counter[tuple[Any, Any]] = Counter()
    chosen = []
    for group in groups.values():
        where = (group[0]["doc_id"], group[0]["place_code"])
        seen[where] += 1
        if seen[where] <= LOCATED:
            chosen.append(group)
    return chosen


def _identity(form: str, name: str, ids: Sequence[str], sign: float, factor: float) -> Identity:
    if form == "ratio":
        return Identity(name, ratio=(ids[0], ids[1], ids[2], factor))
    if form == "sum":
        return Identity(name, terms=((ids[0], -1.0), *((i, 1.0) for i in ids[1:])))
    if form == "difference":  # first = second - third
        return Identity(name, terms=((ids[0], -1.0), (ids[1], 1.0), (ids[2], -1.0)))
    if form == "change":  # first = second + sign * third
        return Identity(name, terms=((ids[0], -1.0), (ids[1], 1.0), (ids[2], sign)))
    raise ValueError(f"no form {form!r}")


def located(checks: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """One row for each group of checks with a failing one: `key` (its values, sorted), doc_id, place_code, period,
    n_checks, n_failing, verdict (flag for one smallest repair, undecided for several or none), observation_ids and
    `proposal`, the smallest changes in words.

    `checks` has check_id, verdict, observation_ids, doc_id, place_code, period, form (sum, ratio, difference, change),
    sign and factor; `values` has observation_id, indicator, value, lo and hi. Groups beyond `LOCATED` get no row.
    """
    usable = checks.filter(
        pl.col("form").is_not_null() & pl.col("verdict").is_in(["exact", "rounding", "fails"])
    ).select(*("check_id", "verdict", "observation_ids", "doc_id", "place_code", "period", "form", "sign", "factor"))
    systems = _systems(usable)
    wanted = pl.Series([i for system in systems for row in system for i in row["observation_ids"]], dtype=pl.String)
    known = values.filter(pl.col("observation_id").is_in(wanted.unique().implode()) & pl.col("hi").is_not_null())
    named = {r["observation_id"]: r for r in known.unique("observation_id", keep="first").iter_rows(named=True)}
    rows = []
    for system in systems:
        ids = sorted({i for row in system for i in row["observation_ids"]})
        if any(i not in named for i in ids):
            continue
        identities = [_identity(r["form"], r["check_id"], r["observation_ids"], r["sign"], r["factor"]) for r in system]
        sets = smallest_repairs({i: (named[i]["lo"], named[i]["hi"]) for i in ids}, identities, largest=2)
        failing = [r for r in system if r["verdict"] == "fails"]
        rows.append(
            {
                "key": "+".join(ids),
                **{c: failing[0][c] for c in ("doc_id", "place_code", "period")},
                "n_checks": len(system),
                "n_failing": len(failing),
                "verdict": "flag" if len(sets) == 1 else "undecided",
                "observation_ids": sorted({i for s in sets for i in s}) or ids,
                "proposal": _proposal(sets, named) if sets else "no change of one or two values makes them agree",
            }
        )
    return pl.DataFrame(rows, schema=_LOCATED)


_LOCATED: dict[str, Any] = {
    "key": pl.String,
    "doc_id": pl.String,
    "place_code": pl.String,
    "period": pl.String,
    "n_checks": pl.Int64,
    "n_failing": pl.Int64,
    "verdict": pl.String,
    "observation_ids": pl.List(pl.String),
    "proposal": pl.String,
}


def _proposal(sets: Iterable[Mapping[str, _Span]], named: Mapping[str, Mapping[str, Any]]) -> str:
    return "; or ".join(
        " and ".join(_change_in_words(named[i]["indicator"], named[i]["value"], span) for i, span in s.items())
        for s in sets
    )
