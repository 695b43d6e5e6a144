"""Agreement of extracted records with annotated ones: how many numbers are found, and what is right about them.

Records are dictionaries as `xianzhi extract` prints them. A record answers an annotated number when their spans overlap
in the same document; optional numbers count neither way, and an extracted quantity without an annotated one is false.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

QUANTITIES = frozenset(("indicator", "norm"))
SAME_UNIT = {"名": "人", "位": "人", "平米": "平方米", "％": "%", "个百分点": "百分点", "": None}
ALIKE = 0.6
"""Share of common characters (F1) from which two indicator phrases name the same thing."""

Record = Mapping[str, Any]


def values(record: Record) -> list[float] | None:
    """The numbers of a record, None where it has none (damaged)."""
    value = record.get("value")
    return None if value is None else [float(v) for v in (value if isinstance(value, list) else [value])]


def same_value(a: Record, b: Record) -> bool:
    """Whether two records hold the same number or the same range."""
    x, y = values(a), values(b)
    if x is None or y is None:
        return x is y
    return len(x) == len(y) and all(abs(p - q) <= 1e-6 * max(1.0, abs(p)) for p, q in zip(x, y, strict=True))


def same_unit(a: Record, b: Record) -> bool:
    """Whether two records have the same unit, whatever word they write it with."""
    return bool(SAME_UNIT.get(a.get("unit") or "", a.get("unit")) == SAME_UNIT.get(b.get("unit") or "", b.get("unit")))


def similarity(a: str | None, b: str | None) -> float:
    """F1 of the characters two phrases have in common, marks and 的 aside."""
    x, y = (Counter(re.sub(r"[\s，。、；：,.;:（）()《》“”\"'·的]", "", text or "")) for text in (a, b))
    size = x.total() + y.total()
    return 2 * (x & y).total() / size if x and y else 0.0


def phrase_score(gold: Record, record: Record) -> float:
    """Similarity of a record's indicator to the best of the annotated phrases."""
    return max(similarity(name, record.get("indicator")) for name in (gold.get("indicator"), *gold.get("aliases", ())))


def judge(gold: Record, record: Record | None) -> list[str]:
    """What is wrong with the answer to one annotated number: value, unit, kind, indicator, period, approx, or missed."""
    if record is None:
        return ["missed"]
    alternative = gold.get("kind_alt") or ()
    kinds = {gold["kind"], *((alternative,) if isinstance(alternative, str) else alternative)}
    if gold["class"] == "norm":
        kinds.add("norm")
    checks = {
        "value": same_value(gold, record),
        "unit": same_unit(gold, record),
        "kind": record.get("kind") in kinds,
        "indicator": phrase_score(gold, record) >= ALIKE,
        "period": not gold.get("period") or record.get("period") == gold["period"],
        "approx": record.get("approx") == gold.get("approx", "exact"),
    }
    return [name for name, right in checks.items() if not right]


def pair(gold: Iterable[Record], records: Iterable[Record]) -> tuple[list[tuple[Record, Record | None]], list[Record]]:
    """Annotated quantities with the record that answers each, and the extracted quantities nothing asked for."""
    free: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record["class"] in QUANTITIES:
            free[record["doc"]].append(record)
    pairs: list[tuple[Record, Record | None]] = []
    for asked in gold:
        if asked["class"] not in QUANTITIES:
            continue
        candidates = free[asked["doc"]]
        best = max(candidates, key=lambda r: _overlap(asked, r), default=None)
        if best is not None and _overlap(asked, best) > 0:
            candidates.remove(best)
        else:
            best = None
        if not asked.get("optional"):
            pairs.append((asked, best))
    return pairs, [record for rest in free.values() for record in rest]


def _overlap(a: Record, b: Record) -> int:
    return int(min(a["end"], b["end"]) - max(a["start"], b["start"]))


def scores(gold: Iterable[Record], records: Iterable[Record]) -> dict[str, float]:
    """Shares over the annotated quantities: found, quantity (value and unit), record (with kind and indicator), period and
    approx of those found; `false` counts extracted quantities that are none."""
    pairs, false = pair(gold, records)
    wrong = [judge(asked, record) for asked, record in pairs]
    found = [w for w in wrong if w != ["missed"]]

    def share(rows: list[list[str]], *names: str) -> float:
        return sum(not set(row) & {*names, "missed"} for row in rows) / len(rows) if rows else 0.0

    return {
        "numbers": float(len(pairs)),
        "false": float(len(false)),
        "found": share(wrong, "missed"),
        "quantity": share(wrong, "value", "unit"),
        "record": share(wrong, "value", "unit", "kind", "indicator"),
        "kind": share(found, "kind"),
        "indicator": share(found, "indicator"),
        "period": share(found, "period"),
        "approx": share(found, "approx"),
    }
