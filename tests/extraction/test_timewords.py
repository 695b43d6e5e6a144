"""Time expressions are looked for only where they can begin: none may begin elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.extraction.timelines import _OPENER, _openers
from pipelines.extraction.timewords import NUMBERED, WORDED, find_times

_GOLD = sorted((Path(__file__).parent.parent / "gold").glob("*.txt"))
_SIGNS = (
    "0123456789 \n\u3000年年年月月日号季度学和与-—–~～至到./xX×*＊_○一二三四五六七八九十元首第上下截止目前现有今本当全去明来几多历累计"
    '过的是同“"”规划期间时底末内初春秋份半代级龄（）活动〇零，。；：、'
)
_PIECES = (
    "2016年",
    "20xx年",
    "20× 年",
    "二〇一一年",
    "二○一〇—二○一五",
    "2010—2015年",
    "2016-17学年",
    "2016.5.28",
    "年（1805年）",
    "第1季度",
    "第一季度",
    "10 －- 12月",
    "1月份至10月",
    "十一月",
    "过去的一年",
    "上一年",
    "一年来",
    "累计至",
    "截至目前",
    "上半年",
    "“十三五”期间",
    "去年同期",
    "年末人口",
)
_texts = st.lists(st.sampled_from(_PIECES) | st.sampled_from(_SIGNS), max_size=40).map("".join)


def _at_every_character(text: str, start: int, end: int) -> list[tuple[int, int, str | None]]:
    found = []
    position = start
    while position < end:
        hit = NUMBERED.match(text, position, end) or WORDED.match(text, position, end)
        if hit is not None:
            found.append((*hit.span(), hit.lastgroup))
        position = hit.end() if hit is not None else position + 1
    return found


def _found(text: str, start: int, end: int) -> list[tuple[int, int, str | None]]:
    return [(*hit.span(), hit.lastgroup) for hit in find_times(text, start, end)]


@given(_texts, st.integers(0, 9), st.integers(0, 9))
@example("第第1季度，目前、累计至2010 — 2015", 1, 0)
def test_no_time_expression_begins_where_none_is_looked_for(text: str, first: int, last: int) -> None:
    start, end = min(first, len(text)), max(min(first, len(text)), len(text) - last)
    assert _found(text, start, end) == _at_every_character(text, start, end)


@pytest.mark.parametrize("path", _GOLD, ids=lambda p: p.stem)
def test_no_time_expression_of_a_report_is_passed_over(path: Path) -> None:
    text = path.read_text("utf-8", "ignore")
    assert _found(text, 0, len(text)) == _at_every_character(text, 0, len(text))


@given(_texts)
def test_the_kind_of_an_expression_is_the_name_of_its_whole(text: str) -> None:
    for hit in find_times(text, 0, len(text)):
        assert hit.span(hit.lastgroup or "") == hit.span()


@given(st.text("。；\n：:！ \u3000（(一二)）、第部分工作甲乙", max_size=60))
@example("第一部分：今年工作：")
@example("。\u3000\u3000\u3000甲乙：")
def test_openings_that_no_border_is_tried_for_end_with_a_full_stop(text: str) -> None:
    tried = {opener.start() for opener in _openers(text, 0, len(text))}
    passed_over = [opener for opener in _OPENER.finditer(text) if opener.start() not in tried]
    assert all(opener["stop"] in "。\n" and opener["number"] is None for opener in passed_over)
    assert all(opener["stop"] == "。" or text[opener.start() - 1] in "。；" for opener in passed_over)
