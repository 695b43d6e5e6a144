"""Borders looked up by bisection are those a plain search finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.extraction.mentions import find_mentions
from pipelines.extraction.surroundings import Layout, Surroundings

texts = st.text(alphabet="出生率为人口，。；：（）()\n、12‰", max_size=80)


@given(texts, st.data())
def test_borders_are_those_of_a_plain_search(text: str, data: st.DataObject) -> None:
    layout = Layout(text)
    position = data.draw(st.integers(0, len(text)))
    before = text[:position]
    sentence = max(before.rfind(c) for c in "。！!？?\n") + 1
    assert layout.sentence_start(position) == sentence
    assert layout.clause_start(position, 0) == max(before.rfind(c) for c in "，,。；;：:！!？?\n") + 1
    assert layout.line_start(position, 0) == before.rfind("\n") + 1
    assert layout.part_start(position, sentence) == max(sentence, max(before.rfind(c) for c in "；;") + 1)
    ends = [p for c in "。！!？?\n" if (p := text.find(c, position)) >= 0]
    whole = text[sentence : min(ends, default=len(text)) + 1]
    assert layout.sentence(position, position, len(text) + 1) == whole.strip()


@given(texts)
def test_the_pieces_around_a_number_hold_no_border_and_no_other_number(text: str) -> None:
    layout = Layout(text)
    mentions = find_mentions(text)
    for i, m in enumerate(mentions):
        around = Surroundings(layout, mentions, i)
        start, end = around.clause
        assert start <= m.start and m.end <= end
        assert around.sentence[0] <= start
        assert around.right == text[m.end : m.end + len(around.right)]
        assert not any(c in around.right for c in "，,。；;\n")
        assert around.before == text[around.sentence[0] : m.start]


def test_a_bracket_in_between_is_passed_over() -> None:
    text = "性别比（以女性为100，男性对女性的比例）为106.28，上升。"
    mentions = find_mentions(text)
    around = Surroundings(Layout(text), mentions, len(mentions) - 1)
    assert around.left == "性别比为"


def test_what_stands_before_a_time_belongs_to_the_number_behind_it() -> None:
    text = "年末总人口由2009年的295044人增加到308437人。"
    mentions = find_mentions(text)
    assert Surroundings(Layout(text), mentions, 1).left == "年末总人口由"


def test_the_opening_of_a_paragraph() -> None:
    text = "2．生师比。小学17.8:1，初中11.9:1。"
    mentions = find_mentions(text)
    assert Surroundings(Layout(text), mentions, len(mentions) - 1).heading == "2．生师比"
    assert Surroundings(Layout("全县8所。"), find_mentions("全县8所。"), 0).heading == ""
