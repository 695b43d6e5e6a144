"""Time in proportion to length: ten times the text takes about ten times the time, whatever stands in it.

CPU time is measured, and a first reading fills the caches, so that a busy machine does not decide. The long test
feeds rows of each character and word the rules look for, where a regular expression that tries again would explode.
"""

from __future__ import annotations

import gc
import random
from pathlib import Path
from time import process_time

import pytest

from pipelines.extraction.document import extract_records

RATIO = 12
"""Times as long a text of 1 MB may take as one of 100 KB."""
SENTENCE = "年末常住人口94.9万人，人口出生率为1.63‰，比上年下降0.3个千分点，落实手术132例；"
REPORT = (
    "一、2016年工作回顾\n全年实现财政收入3.2亿元，增长8.1%，其中税收2.1亿元，占65.6%；小学、初中入学率分别为99.8%、98.7%。\n"
    "二、2017年工作安排\n确保新建学校12所，力争投入1.5亿元；低保标准由每人每月210元提高到240元。\n"
)


ATTEMPTS = 3
"""Measurements until one shows the ratio: neighbours on the machine can only make a reading longer, not shorter."""


def seconds(text: str, path: Path) -> float:
    """CPU seconds of one reading, without the collector, which goes through all that the tests hold and not this text."""
    path.write_text(text, encoding="utf8")
    gc.collect()
    gc.disable()
    try:
        begin = process_time()
        extract_records(path)
        return process_time() - begin
    finally:
        gc.enable()


def ratio(unit: str, kilobytes: int, path: Path, spare: float = 0.0) -> float:
    """How much longer ten times the text takes, the best of some attempts; `spare` seconds of the longer one are free."""
    seconds(of_size(unit, kilobytes), path)
    best = float("inf")
    for _ in range(ATTEMPTS):
        small = seconds(of_size(unit, kilobytes), path)
        large = seconds(of_size(unit, 10 * kilobytes), path)
        best = min(best, (large - spare) / small)
        if best <= RATIO:
            break
    return best


def of_size(unit: str, kilobytes: int) -> str:
    return unit * (kilobytes * 1000 // len(unit.encode()) + 1)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [SENTENCE, REPORT], ids=["one line", "many lines"])
def test_a_megabyte_costs_ten_times_a_tenth(unit: str, tmp_path: Path) -> None:
    assert ratio(unit, 100, tmp_path / "text.txt") <= RATIO


# what the rules look for, one by one: rows of them are what a search could stumble over
ROWS = (
    "1", "1,", "1.", "12,345", "0.", "百", "一百", "十", "点", "点五", "负", "万", "1万", "亿", "约", "近", "上", "不低于", "余", "多", "1:", "1-",
    "1、", "、", "，", "。", "；", "(", "（", ")", "（1", "“", "《", "《》", "其中", "分别", "分别为", "由", "提高到", "比上年", "增长", "目标", "力争", "计划",
    "年", "2016", "2016年", "2016年度", "20xx年", "月", "1月", "一月", "1-6月", "至", "到", "第", "第1", "上半年", "目前", "截至", "十二五", "全县", "县", "区",
    "桐乡市", "镇", "每人每月", "元", "%", "‰", "个百分点", "万元/人·月", "率", "率为", "a", "a1", "http://a", "-", "*", "x", "_", "?", "??", " ", "\t", "　", "\n",
    "一、", "（一）", "一是", "1、\n", "\t1", "\t1\n", "|", "1|", "<", "<p>", "&", "&nbsp;", "�", "㎡", "①", "的", "的1", "了", "人", "1人", "1户2人",
)  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_rows_of_what_rules_look_for(row: str, tmp_path: Path) -> None:
    assert ratio(row, 20, tmp_path / "text.txt", spare=0.2) <= RATIO


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
def test_mixtures_of_what_rules_look_for(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    unit = "".join(rng.choices(ROWS, k=rng.randint(2, 12)))
    assert ratio(unit, 20, tmp_path / "text.txt", spare=0.2) <= RATIO
