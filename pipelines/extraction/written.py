"""What a written number leaves open: the interval its wording stands for (METHODOLOGY 2.1 and 2.2)."""

from __future__ import annotations

import math
import re

from pipelines.extraction.mentions import Mention

_N = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?)(余|多|来|几)?(万亿|千万|百万|十万|亿|万|千|百|十)?(余|多|来)?")
_SCALES = {
    "": 1.0,
    "十": 1e1,
    "百": 1e2,
    "千": 1e3,
    "万": 1e4,
    "十万": 1e5,
    "百万": 1e6,
    "千万": 1e7,
    "亿": 1e8,
    "万亿": 1e12,
}


def interval(m: Mention, unit: str | None) -> tuple[float | None, float | None]:
    """Lower and upper end in the mention's unit; None for an open end or an unread number.

    Half a unit of the last written place either side; 余 and 多 open the place of the last non-zero digit above the
    number (13余万 -> 13万 to 14万) or the last unit before the scale word (57万余 -> 57万 to 58万); 近 opens it below;
    约 and 左右 both ways; 以上 and 以下 leave one end open, shares stay within 0 and 100.

    >>> from pipelines.extraction.mentions import find_mentions
    >>> interval(find_mentions("共计13余万元")[0], "元")
    (130000.0, 140000.0)
    """
    if m.values:
        return (min(m.values), max(m.values)) if len(m.values) == 2 and not m.ratio else (None, None)
    v = m.value
    if v is None:
        return None, None
    if m.approx == "exact":
        half = m.decimals_unit / 2
        return v - half, v + half
    hit = _N.search(m.text)
    digits = hit.group(1).replace(",", "") if hit else ""
    scale = _SCALES[hit.group(3) or ""] if hit else 1.0
    last = _last_place(digits) if digits else (10 ** int(math.log10(v)) if v >= 1 else 1.0)
    step = last * scale
    if (
        m.approx == "at_least"
        and hit
        and (hit.group(2) in ("余", "多", "几") or hit.group(4) in ("余", "多") or re.search(r"[余多]", m.text))
    ):
        if hit.group(2) or not hit.group(3):
            return v, v + step
        return v, v + min(last, 1.0) * scale
    if m.approx == "at_least":
        return v, (100.0 if unit == "%" and v <= 100 else None)
    if m.approx == "at_most":
        return 0.0, v
    if m.text.startswith(("近", "接近", "将近")):
        return max(v - step, 0.9 * v), v
    width = min(max(step / 2, 0.01 * v), 0.1 * v)
    return v - width, v + width


def _last_place(digits: str) -> float:
    """Place of the last non-zero digit: 500 -> 100, 13 -> 1, 1.1 -> 0.1."""
    whole, _, decimals = digits.partition(".")
    if decimals.rstrip("0"):
        return float(10.0 ** -len(decimals.rstrip("0")))
    stripped = whole.rstrip("0")
    return float(10 ** (len(whole) - len(stripped))) if stripped else 1.0
