"""An outside suite: the Chinese cases of Recognizers-Text, read by our own reader through an adapter.

The suite's files stand beside the checkout and are not part of it; without them the tests are skipped. What the suite
asks that reports never ask (discounts, weekdays, times of day) is skipped by classes with a reason, in
`recognizers_skips.yaml`; a skipped case that would pass fails the test, so the list cannot hide what we can read.

How a case is put to the reader:

- A bare numeral (`一百五十二`) is put before a counter or percent sign, since the reader reads measured numbers alone.
- Percentages are compared in percent: 千分之二 is 2‰ to us and 0.2% to the suite, 百分点 count as percent.
- Amounts in yuan are compared where the suite says CNY.
- Of dates the parsers' files are asked; the extractors' files hold the same texts without their meaning.
- Dates and periods are read by the time words of a report of the reference date's year; an end that the suite names
  exclusively (2016 to 2018 ends on 1 January 2018) is the last year, month or day of the period to us.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.documents.restore import restore
from pipelines.extraction.mentions import Mention, find_mentions
from pipelines.extraction.timelines import timeline

SUITE = Path(__file__).parents[2].parent / "shared" / "peers" / "recognizers-text"
SKIPS = Path(__file__).with_name("recognizers_skips.yaml")
SHARE = 0.95
FILES = {
    "Number/NumberModel": "number",
    "Number/NumberRangeModel": "range",
    "Number/PercentModel": "percent",
    "NumberWithUnit/CurrencyModel": "currency",
    "NumberWithUnit/DimensionModel": "dimension",
    "NumberWithUnit/AgeModel": "age",
    "DateTime/DateParser": "date",
    "DateTime/DatePeriodParser": "date",
    "DateTime/DateTimeModel": "date",
}
UNITS = {
    "Chinese yuan": "元", "Mu": "亩", "Kilogram": "公斤", "Kilometer": "公里", "Ton": "吨", "Meter": "米", "Gram": "克",
    "Centimeter": "厘米", "Year": "岁", "Kilowatt": "千瓦", "Jin": "斤", "United States dollar": "美元", "Euro": "欧元", "Hong Kong dollar": "港元",
    "Japanese yen": "日元",
}  # fmt: skip
OTHER_UNITS = {"千米": "公里", "千克": "公斤", "公分": "厘米", "cm": "厘米", "CM": "厘米", "m": "米", "周岁": "岁"}

NUMERAL = (
    r"[-－负負]?[0-9０-９.,，．零〇一二两兩三四五六七八九十百千万萬亿億兆壹贰貳叁肆伍陆陸柒捌玖拾佰仟点點多余餘几幾]+"
)

beside = pytest.mark.skipif(not SUITE.is_dir(), reason="the outside suite does not stand beside this checkout")


@dataclass(frozen=True)
class Case:
    """One case of the suite: its file, its place in it, the text and what shall be found."""

    file: str
    index: int
    text: str
    reference: str
    results: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        return f"{self.file}#{self.index}"


@lru_cache(maxsize=1)
def cases() -> list[Case]:
    found = []
    for file in FILES:
        rows = json.loads((SUITE / f"{file}.json").read_text(encoding="utf-8-sig"))
        for i, row in enumerate(rows):
            reference = (row.get("Context") or {}).get("ReferenceDateTime", "")[:10]
            found.append(Case(file, i, row["Input"], reference, tuple(row["Results"])))
    return found


@lru_cache(maxsize=1)
def skips() -> list[dict[str, Any]]:
    return list(yaml.safe_load(SKIPS.read_text(encoding="utf8")))


def skip_class(case: Case) -> str | None:
    """Name of the class of skipped cases a case belongs to."""
    for entry in skips():
        if not re.search(entry["files"], case.file):
            continue
        if case.index in entry.get("cases", {}).get(case.file, ()):
            return str(entry["name"])
        if "input" in entry and re.search(entry["input"], case.text):
            return str(entry["name"])
        told = " ".join(json.dumps(r, ensure_ascii=False) for r in case.results)
        if "result" in entry and re.search(entry["result"], told):
            return str(entry["name"])
    return None


def quantities(text: str) -> list[Mention]:
    return [m for m in find_mentions(restore(text).text) if m.mention_class == "quantity"]


def close(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-9 * max(1.0, abs(b)) or abs(a - b) <= 1e-12


def _carried(text: str) -> str:
    """A bare numeral in a sentence that gives it a unit: 全长一百五十二公里。"""
    text = text.strip()
    if not re.fullmatch(NUMERAL, text):
        return text
    return f"差额为{text}公里。" if re.match("[-负－負]", text) else f"全长{text}公里。"


def _number(case: Case) -> bool:
    found = quantities(case.text if "分之" in case.text else _carried(case.text))
    if len(found) != len(case.results):
        return False
    return all(
        m.value is not None and close(_plain(m, expected), float(expected["Resolution"]["value"]))
        for m, expected in zip(found, case.results, strict=True)
    )


def _plain(m: Mention, expected: dict[str, Any]) -> float:
    """The value as a plain number: a share written as a fraction is in percent to us."""
    value = m.value or 0.0
    if "分之" in expected["Text"]:
        return value / {"%": 100, "‰": 1000, "/万": 10000}.get(m.unit or "", 1)
    return value


def _percent(case: Case) -> bool:
    text = f"增长率为{case.text}" if re.match("[-－]", case.text) else case.text
    found = [m for m in quantities(text) if m.unit in ("%", "‰", "/万", "百分点") and m.value is not None]
    if len(found) != len(case.results):
        return False
    factor = {"‰": 0.1, "/万": 0.01}
    return all(
        m.value is not None
        and close(m.value * factor.get(m.unit or "", 1.0), float(expected["Resolution"]["value"].rstrip("%")))
        for m, expected in zip(found, case.results, strict=True)
    )


def _measured(case: Case) -> bool:
    expected = [r for r in case.results if r["Resolution"].get("unit") in UNITS and r["Resolution"].get("value")]
    if not case.results:
        return not quantities(case.text)
    if len(expected) != len(case.results):
        return False
    found = [(m.value, OTHER_UNITS.get(m.unit or "", m.unit)) for m in quantities(case.text)]
    wanted = [(float(r["Resolution"]["value"]), UNITS[r["Resolution"]["unit"]]) for r in expected]
    return all(any(v is not None and close(v, x) and u == y for v, u in found) for x, y in wanted)


def _range(case: Case) -> bool:
    found = quantities(_carried(case.text))
    if len(found) != len(case.results):
        return False
    for m, expected in zip(found, case.results, strict=True):
        low, high = expected["Resolution"]["value"][1:-1].split(",")
        if low and high and low != high:
            if m.values != (float(low), float(high)):
                return False
            continue
        kind = "exact" if low == high else "at_least" if low else "at_most"
        if m.approx != kind or m.value is None or not close(m.value, float(low or high)):
            return False
    return True


def _date(case: Case) -> bool:
    year = case.reference[:4] or "2017"
    head = "" if "XXXX" in "".join(_timexes(case)) else f"{year}年工作总结\n"
    text = head + restore(case.text).text + "\n"
    line = timeline(text, 0, len(text), year_hint=None if not head else int(year))
    words = [w for w in line.words if w.start >= len(head)]
    if len(words) != len(case.results):
        return False
    return all(w.period == _period(t, year) for w, t in zip(words, _timexes(case), strict=True))


def _timexes(case: Case) -> list[str]:
    found = []
    for r in case.results:
        value = r.get("Value") or (r.get("Resolution") or {}).get("values", [{}])[0]
        found.append(str(value.get("Timex") or value.get("timex") or ""))
    return found


def _period(timex: str, year: str) -> str:
    """The suite's TIMEX as a period of ours: 2017-04, ????-03-22, 2016..2018, 2017-H1."""
    timex = timex.replace("XXXX", "????")
    if not timex.startswith("("):
        return timex
    first, last, span = timex.strip("()").split(",")
    if span.endswith("Y") and first.endswith("-01-01"):
        return f"{first[:4]}..{last[:4]}"
    if span == "P3M":
        return f"{first[:4]}-Q{(int(first[5:7]) + 2) // 3}"
    if span == "P6M" and first[5:10] in ("01-01", "07-01"):
        return f"{first[:4]}-H{1 if first[5:7] == '01' else 2}"
    if span.endswith("M") and first.endswith("-01"):
        return f"{first[:7]}..{last[:7]}"
    return f"{first}..{last}"


CHECKS = {
    "number": _number,
    "range": _range,
    "percent": _percent,
    "currency": _measured,
    "dimension": _measured,
    "age": _measured,
    "date": _date,
}


def passes(case: Case) -> bool:
    return CHECKS[FILES[case.file]](case)


@lru_cache(maxsize=1)
def outcome() -> list[tuple[Case, str | None, bool]]:
    return [(case, skip_class(case), passes(case)) for case in cases()]


@beside
def test_the_relevant_cases_pass() -> None:
    relevant = [(case, ok) for case, skipped, ok in outcome() if skipped is None]
    failing = [f"{case.name} {case.text[:60]}" for case, ok in relevant if not ok]
    assert len(relevant) >= 300
    assert 1 - len(failing) / len(relevant) >= SHARE, "\n".join(failing)


@beside
def test_no_skipped_case_would_pass() -> None:
    wrong = [f"{case.name} {skipped}: {case.text[:60]}" for case, skipped, ok in outcome() if skipped and ok]
    assert not wrong, "\n".join(wrong)


@beside
def test_every_class_of_skips_has_cases_and_a_reason() -> None:
    used = Counter(skipped for _, skipped, _ in outcome())
    assert [entry["name"] for entry in skips() if not used[entry["name"]]] == []
    assert all(len(entry["reason"]) > 20 for entry in skips())
