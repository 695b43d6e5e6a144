"""What `低于市定目标10.66‰` means: the target itself (level), or the margin between value and target.

The rule for such phrases stands here and nowhere else. Not here: finding the phrase, its value and the value it is
compared with (other modules of this package), or the gap to the target (pipelines/analysis/targets.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Reading = Literal["level", "margin"]

BELOW = ("低于", "少于", "低", "小于", "下降", "控制在", "不超过", "欠")
ABOVE = ("高于", "超额", "超过", "超出", "多于", "高出", "高", "大于", "超")

_MARGIN_AFTER = re.compile(r"^(?:个)?(?:百分点|千分点|点)")
_LEVEL_AFTER = re.compile(
    r"^(?:万?元|亿元|[人个户名例所次])?的?(?:[省市县区国]定|年度|全年|控制|责任|分配|工作)*(?:目标|任务|指标)|^以上的?目标|^以(?:内|下)"
)
_LEVEL_BEFORE = re.compile(r"(?:目标|任务|指标)(?:值)?(?:为|是|：|:)$|控制在$")
_PERCENT_POINTS = {"百分点": "%", "个百分点": "%", "千分点": "‰", "个千分点": "‰", "点": ""}


@dataclass(frozen=True, slots=True)
class TargetReading:
    """Reading of one phrase; values are in the indicator's unit.

    `target` is None with reason `target_unreadable` where neither reading is feasible. `alternative_value` is the target
    under the rejected reading; `robust` is True where both targets are met or both missed; `score` is None where words
    or feasibility decided.
    """

    reading: Reading | None
    target: float | None
    confidence: Literal["high", "medium", "low"] | None
    alternative_value: float | None
    score: float | None
    robust: bool | None
    reason: str


def _decimals(value: float) -> int:
    text = f"{value:.6f}".rstrip("0")
    return len(text.partition(".")[2])


def _side(relation: str) -> int:
    """-1 where the value is said to be below the target, +1 above; raises ValueError on another word."""
    if any(word in relation for word in ABOVE):
        return 1
    if any(word in relation for word in BELOW):
        return -1
    raise ValueError(f"unknown relation word {relation!r}")


def read_target(
    actual: float | None,
    actual_unit: str | None,
    value: float,
    value_unit: str | None,
    relation: str,
    *,
    before: str = "",
    after: str = "",
    target_range: tuple[float | None, float | None] | None = None,
    actual_is_year_to_date: bool = False,
    siblings: Sequence[tuple[str, str, str]] = (),
) -> TargetReading:
    """Read `A ... relation ... target V` (METHODOLOGY 5).

    `actual` and `value` as numbers with their units; `relation` the comparing word (低于, 高于, 超额 ...); `before` and
    `after` the words around V; `target_range` the catalogue's bounds of an annual target, either end may be None;
    `siblings` (reading, unit, relation) of phrases already decided in the same sentence. Raises ValueError on an
    unknown relation word.
    """
    side = _side(relation)
    margin = None if actual is None else round(actual - side * value, 9)
    lo, hi = target_range if target_range is not None else (None, None)

    def in_range(target: float | None) -> bool:
        return target is not None and (lo is None or target >= lo - 1e-9) and (hi is None or target <= hi + 1e-9)

    def met(target: float) -> bool | None:
        # the side of the verb stands for "no gap" here; equal signs of both gaps do not depend on it
        return None if actual is None else (actual - target) * side >= 0

    def result(
        reading: Reading, confidence: Literal["high", "medium", "low"], score: float | None, reason: str
    ) -> TargetReading:
        target, other = (value, margin) if reading == "level" else (margin, value)
        both = None if target is None or other is None or actual is None else met(target) == met(other)
        return TargetReading(reading, target, confidence, other, score, both, reason)

    written_unit, actual_unit = value_unit or "", actual_unit or ""
    bare_unit = _PERCENT_POINTS.get(written_unit, written_unit)
    if _MARGIN_AFTER.match(after) or written_unit in _PERCENT_POINTS:
        if margin is None:
            return TargetReading(None, None, None, None, None, None, "target_unreadable")
        return result("margin", "high", None, "words")
    if _LEVEL_AFTER.match(after) or _LEVEL_BEFORE.search(before):
        return result("level", "high", None, "words")
    if actual is None:
        if in_range(value):
            return result("level", "low", None, "no_actual")
        return TargetReading(None, None, None, None, None, None, "target_unreadable")

    level_fits = bare_unit == actual_unit and in_range(value) and (actual - value) * side > 0
    same_kind = bare_unit == actual_unit or {bare_unit, actual_unit} <= {"%", "‰"}
    margin_fits = same_kind and in_range(margin)
    if level_fits and not margin_fits:
        return result("level", "high", None, "feasibility")
    if margin_fits and not level_fits:
        return result("margin", "high", None, "feasibility")
    if not level_fits or margin is None:
        return TargetReading(None, None, None, None, None, None, "target_unreadable")

    score = 0.0
    score += 1.0 if bare_unit == "‰" else 0.0
    score += 1.0 if actual_is_year_to_date else 0.0
    score += 1.0 if side < 0 and value > actual else 0.0
    from_siblings = 0.0
    for reading, unit, word in siblings:
        weight = 1.0 if reading == "level" else -1.0
        same = unit == written_unit and _side(word) == side
        from_siblings += weight if same else weight / 2
    score += max(-1.0, min(1.0, from_siblings))
    if _decimals(margin) < _decimals(value):
        score -= 1.0
    elif _decimals(value) < _decimals(margin):
        score += 1.0
    confidence: Literal["medium", "low"] = "medium" if abs(score) >= 3 else "low"
    return result("level" if score >= 0 else "margin", confidence, score, "score")
