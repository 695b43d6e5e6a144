"""Repair of damaged copies: the converter's damage inverted, small repairs, nothing invented."""

from __future__ import annotations

import itertools
import random
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from text_samples import page

from pipelines.documents import restore as module
from pipelines.documents import restore_bytes, restore_rank
from pipelines.documents.damage import FOLD, damage
from pipelines.documents.model import DAMAGE_MARK
from pipelines.documents.restore import apply_edits, restore, simplify
from pipelines.documents.restore_rank import START, Ranker, Tails

HEAD = "创建服务区，规划学校质量监测，发展农业产业经济，统计调查数据，重点工作进展顺利，实现优质服务，应当帮助，建设国家标准。\n"
NUMBER = re.compile(
    r"[-−]?[0-9][0-9.,]*[十百千万亿]*[%‰]?"
    r"|[〇零一二两三四五六七八九十百千万亿]+(?:点[〇零一二三四五六七八九]+)?"
)


def repaired(text: str) -> str:
    """A short text damaged on a page of its own and repaired."""
    result = restore(damage(HEAD + text))
    return result.text.split("\n", 1)[1]


@pytest.mark.parametrize(
    ("clean", "shown"),
    [
        ("总人口13", "總?cè)丝?3"),
        ("下拨500", "下?lián)?00"),
        ("请特别", "請(qǐng)?zhí)貏e"),
        ("的。现", "的?,F(xiàn)"),
        ("五保”补", "五?!毖a(bǔ)"),
        ("取；从", "??;從"),
        ("新校”管理模式，新", "新?!惫芾砟J?,新"),
        ("受到冲击", "受到?jīng)_擊"),
        ("创建服务区", "創(chuàng)建服務(wù)區(qū)"),
    ],
)
def test_the_converter_is_simulated_byte_by_byte(clean, shown):
    assert damage(clean) == shown


@pytest.mark.parametrize(
    "clean",
    [
        "请特别注意",
        "村里优先安排项目优先建设",
        "当地公务员",
        "受灾状况良好",
        "按比重数量计算",
        "专科、本科都有补助",
        "成绩良好。现将情况通报",
        "学校现代化建设加快",
        "导致基本生活困难的家庭",
        "城乡低保、“五保”补助",
        "农业园区初具规模。现代农业加快发展",  # cut in front of ， inside 。现, and so also in front of ！ inside 模。
        "帮助受援科室带教、共参与会诊",
    ],
)
def test_readings_the_bytes_and_the_words_agree_on(clean):
    assert repaired(clean) == clean


@pytest.mark.parametrize(
    ("clean", "number"),
    [
        ("全县总人口13.47亿", "3.47"),
        ("当年下拨500万元", "00"),
        ("全县总人口8万人", None),
        ("总人口5,300人", "300"),
        ("总人口5.3万", "3"),
    ],
)
def test_a_digit_that_is_lost_leaves_a_mark(clean, number):
    text = repaired(clean)
    assert DAMAGE_MARK in text
    if number is not None:
        assert DAMAGE_MARK + number in text
    edits = [e for e in restore(damage(HEAD + clean)).edits if e.edit_class == "lost_character" or e.number_risk]
    assert edits and all(not e.certain for e in edits)


def test_what_is_certain_and_what_is_not():
    edits = restore(damage(HEAD + "请特别注意\n学校现代化")).edits
    classes = {e.edit_class: e for e in edits}
    assert classes["shifted"].certain and classes["shifted"].replacement == "特别"
    assert not classes["lost_byte"].certain and classes["lost_byte"].candidates


def test_a_broken_annotation_alone_is_enough():
    assert restore("總?cè)丝?3.47億").text == "总人口\ufffd3.47亿"


def test_real_question_marks_stay():
    text = "怎么办?靠大家。" * 2
    assert repaired(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "全县总人口13.47万人，比上年增长5.2%。\n",
        "Plain English text (with brackets), 1,234.5 and a question?",
        "拼音(pīnyīn)课文",
        "第1-3季度；2019-2020年 A类 B型 GDP\r\n换行",
    ],
)
def test_clean_text_comes_back_as_it_is(text):
    result = restore(text)
    assert result.text == text
    assert result.edits == ()
    assert result.map.is_identity


@pytest.mark.parametrize(
    ("raw", "clean", "edit_class"),
    [
        ("增长１２．５％", "增长12.5%", "width"),
        ("出生率9.8％o，", "出生率9.8‰，", "permille"),
        ("出生率9.8%o，", "出生率9.8‰，", "permille"),
        ("增长&nbsp;5&#37;", "增长 5%", "entity"),
        ("增\u200b长5\u00ad0%", "增长50%", "invisible"),
        ("\ufeff总人口", "总人口", "invisible"),
        ("完成3O26户", "完成3026户", "lookalike"),
        ("完成5l2个", "完成512个", "lookalike"),
        ("投入1 234 567元", "投入1234567元", "blank"),
        ("占12. 5%", "占12.5%", "blank"),
        ("农⼈人口", "农人人口", "variant"),
        ("å…¨åŽ¿æ€»äººå�£".replace("\ufffd", "\x8f"), "全县总人口", "mojibake"),
    ],
)
def test_small_repairs(raw, clean, edit_class):
    result = restore(raw)
    assert result.text == clean
    assert {e.edit_class for e in result.edits} == {edit_class}


@pytest.mark.parametrize("text", ["占85%。义务教育", "O型血 I级 l0", "2019 2020", "A3O型", "第3 500户", "1.5 2.5"])
def test_small_repairs_keep_off(text):
    assert restore(text).text == text


def test_traditional_text_is_simplified_one_for_one():
    raw = "臺灣著名學者看著圖書館，乾隆年間，瞭解為眾。"
    assert len(simplify(raw)) == len(raw)
    assert simplify(raw).startswith("台湾著名学者")
    assert restore(raw).map.is_identity


def test_one_look_finds_every_character_that_a_repair_begins_with():
    looks = (module._OUTER_GATE, module._SINGLE, module._any_traditional())
    for char in map(chr, range(0x11000)):
        assert (module._unusual().search(char) is None) == all(look.search(char) is None for look in looks), hex(
            ord(char)
        )


@given(st.text(st.sampled_from("全县人口总数教育经济发展，。“”5年专科学校"), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_score_is_that_of_the_best_words_however_the_text_is_put_together(text):
    ranker = Ranker("全县总人口五万，教育经济发展。专科学校的教育，人口发展。" * 3)
    end = ranker.extend(START, text)
    tails = Tails.of([START, START])
    tail = START
    for char in text:
        tails = ranker.add_all(tails, char)
        tail = ranker.add_each(tail, ["口", char]).at(1)
    assert tails.at(0) == tails.at(1) == tail == end
    if text.isalpha() and len(text) > 1:  # without signs: the best way to cut the text into words of up to four
        best = [0.0]
        for i in range(1, len(text) + 1):
            best.append(max(best[j] + ranker[text[j:i]] for j in range(max(0, i - 4), i)))
        assert end[4] == pytest.approx(best[-1])


ONE_FOR_TWO = str.maketrans("著乾釐藉", "着干厘借")
"""Characters the converter writes for two simplified ones each: which of them it was is context, not bytes."""


def _touched(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    return any(lo <= end and hi >= start for lo, hi in spans)


def _check_page(text: str, level: int) -> Counter[str]:
    """Numbers that differ without a mark, and lines that differ without an uncertain repair, are failures."""
    raw = damage(text, level)
    result = restore(raw)
    risky = [(e.start, e.end) for e in result.edits if e.number_risk]
    unsure = [(e.start, e.end) for e in result.edits if not e.certain]
    wanted = text.translate(FOLD).split("\n")
    lines = result.text.split("\n")
    assert len(lines) == len(wanted)
    start = 0
    counts = Counter(sentences=text.count("。") + text.count("！"))
    for true, got in zip(wanted, lines, strict=True):
        if true != got:
            clean = Counter(
                m.group()
                for m in NUMBER.finditer(got)
                if DAMAGE_MARK not in (got[m.start() - 1 : m.start()], got[m.end() : m.end() + 1])
                and not _touched(risky, *result.map.to_original(start + m.start(), start + m.end()))
            )
            assert not clean - Counter(NUMBER.findall(true)), (true, got)
            if not _touched(unsure, *result.map.to_original(start, start + len(got))):
                whole = "?" not in damage(true, level)
                assert not whole or true.translate(ONE_FOR_TWO) == got.translate(ONE_FOR_TWO), (true, got)
                counts["differ without a sign"] += true.translate(ONE_FOR_TWO) != got.translate(ONE_FOR_TWO)
        start += len(got) + 1
    position = 0
    for edit in result.edits:
        assert position <= edit.start <= edit.end <= len(raw)
        position = edit.end
    counts.update(e.edit_class for e in result.edits)
    return counts


@given(st.integers(0, 10**9), st.sampled_from([0, 1, 5, 9, 14, 19]))
@settings(max_examples=40, deadline=None)
def test_never_a_wrong_number(seed, level):
    _check_page(page(random.Random(seed), 4), level)


@pytest.mark.long
def test_never_a_wrong_number_in_a_hundred_thousand_sentences(capsys):
    counts: Counter[str] = Counter()
    begin = time.process_time()
    for seed in range(2000):
        counts += _check_page(page(random.Random(seed), 17), (1, 5, 9, 14, 19, 19)[seed % 6])
    with capsys.disabled():
        print(f"\n{dict(counts)}, {time.process_time() - begin:.0f} s of processor time")
    assert counts["sentences"] >= 100_000
    assert counts["differ without a sign"] <= 5


@given(page_seed=st.integers(0, 10**9), level=st.sampled_from([1, 9, 19]))
@settings(max_examples=15, deadline=None)
def test_a_character_shown_outside_a_repair_is_the_character_of_the_page(page_seed, level):
    raw = damage(page(random.Random(page_seed), 2), level)
    result = restore(raw)
    for i, char in enumerate(result.text):
        start, end = result.map.to_original(i, i + 1)
        if end - start == 1 and char.isascii() and raw[start].isascii():
            assert raw[start] == char


@pytest.mark.parametrize(
    "clean",
    [
        "下拨三万九千二百四十四万吨",  # 三 vanishes without a question mark
        "企业下拨百分之六十一点五",
        "总人口百分之三十点五",
        "下拨三八四一亿元",
        "影响较大。总人口二〇一五年普查",
    ],
)
def test_numerals_in_a_run_are_never_certain(clean):
    result = restore(damage(HEAD + clean))
    assert result.text.split("\n")[1] == clean or all(
        e.number_risk and not e.certain for e in result.edits if e.edit_class != "annotation"
    )


def test_a_number_behind_a_broken_annotation_without_its_question_mark_is_marked():
    result = restore(damage(HEAD) + "總cè)丝3.47億")
    start = result.text.index("3.47")
    at, _ = result.map.to_original(start, start + 4)
    assert any(e.number_risk and e.start <= at <= e.end for e in result.edits)


def test_what_follows_an_unexplained_break_is_no_number():
    clean = "低保对象下拨二分之七名（改造四四九八年）。沟陡嵌8‰茵洲"
    result = restore(damage(HEAD + clean, 14))
    unexplained = [e for e in result.edits if e.edit_class == "unexplained"]
    assert unexplained and all(e.number_risk for e in unexplained)
    assert any("四" in e.replacement for e in unexplained) or "四" not in result.text


@given(st.text(st.sampled_from("?()，。123.%OolI &;#x0県學習(xué)è縣校F（）\n\u200b％ｏ１万"), max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_is_taken_and_its_map_is_exact(tail):
    raw = damage(HEAD) + tail
    result = restore(raw)
    end = 0
    for edit in result.edits:
        assert 0 <= edit.start <= edit.end <= len(raw)
        assert edit.start >= end
        end = edit.end
    assert result.map.to_original(0, len(result.text))[1] <= len(raw)


@pytest.mark.parametrize(("number", "level", "exact"), [("000", 1, 10), ("003", 19, 167)])
def test_source_documents_survive_the_round_trip(seed, number, level, exact):
    raw = seed(number)
    lines = restore(raw).text.split("\n")
    same = sum(
        damage(got.replace(DAMAGE_MARK, "5"), level) == true for got, true in zip(lines, raw.split("\n"), strict=True)
    )
    assert same >= exact


@pytest.mark.parametrize(
    ("number", "counts"),
    [
        ("000", {"annotation": 178}),
        ("003", {"annotation": 4293, "shifted": 8, "lost_byte": 21, "lost_character": 1}),
        ("002", {}),
        ("004", {}),
    ],
)
def test_every_damaged_place_of_the_source_documents_is_found(seed, number, counts):
    assert dict(Counter(e.edit_class for e in restore(seed(number)).edits)) == counts


@pytest.mark.long
def test_memory_does_not_grow_with_the_number_of_documents():
    """Peak memory of a fresh process after 500 differing pages is about that after 150: caches are bounded."""
    program = (
        "import random, resource, sys\n"
        "sys.path[:0] = ['.', 'tests/documents']\n"
        "from text_samples import page\n"
        "from pipelines.documents.damage import damage\n"
        "from pipelines.documents.restore import restore\n"
        "for n in range(650):\n"
        "    restore(damage(page(random.Random(n), 12), 19))\n"
        "    if n in (149, 649):\n"
        "        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    early, late = map(int, done.stdout.split())
    assert late - early < 20_000, f"{early:,} kB after 150 pages, {late:,} kB after 650"


def test_caches_are_bounded():
    for cached in (restore_rank._sign_or_char, restore_bytes.continuing, restore_bytes.leading, restore_bytes.readings):
        assert cached.cache_parameters()["maxsize"] is not None


def test_a_clean_page_loads_no_tables():
    program = (
        "import sys\n"
        "from pipelines.documents.restore import restore\n"
        "assert restore('全县总人口13.47万人(GDP)，比上年增长5.2%。').edits == ()\n"
        "from pipelines.documents import restore_table\n"
        "assert restore_table._both.cache_info().currsize == 0\n"
        "assert not {'rjieba', 'pypinyin'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).resolve().parents[2])


def test_rests_of_annotations_side_by_side() -> None:
    """Found by coverage-guided fuzzing: the first rest's doubtful characters reached into the second."""
    text = "l(àn)�����à)à)"
    restored = restore(text)
    assert simplify(apply_edits(text, restored.edits)[0]) == restored.text
    assert all(a.end <= b.start for a, b in itertools.pairwise(restored.edits))
