"""One document from file to records: own sentences, and the real source documents where they stand beside the project."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.extraction.document import extract_document, extract_records

SHARED = Path(__file__).parents[2].parent / "shared"
SEEDS = sorted((SHARED / "seeds").glob("*.txt"))
beside = pytest.mark.skipif(not SEEDS, reason="the source documents do not stand beside this checkout")


def records_of(tmp_path: Path, text: str) -> list[dict[str, Any]]:
    path = tmp_path / "report.txt"
    path.write_text(text, encoding="utf8")
    return [r for r in extract_records(path) if r["class"] in ("indicator", "norm")]


def test_indicator_kind_period_place(tmp_path: Path) -> None:
    first, second, third = records_of(
        tmp_path, "桐乡市2023年工作总结\n2023年，全市人口出生率为4.1‰，比上年下降0.3个千分点；常住人口106.05万人。\n"
    )
    assert (first["indicator"], first["indicator_id"], first["value"], first["unit"], first["kind"]) == (
        "人口出生率",
        "birth_rate",
        4.1,
        "‰",
        "actual",
    )
    assert (first["period"], first["place_code"]) == ("2023", "330483")
    assert (second["kind"], second["direction"], second["unit"]) == ("change", "down", "千分点")
    assert second["links"] == [{"rel": "change_of", "to": first["start"]}]
    assert (third["indicator_id"], third["value"], third["period"]) == ("resident_population", 1060500, "asof:2023")


def test_target_level_and_margin(tmp_path: Path) -> None:
    text = "第一季度，人口出生率为2.10‰，低于市定目标9.80‰；政策生育率为96.5%，高于市定目标4.5%。\n"
    rate, ceiling, policy, margin = records_of(tmp_path, text)
    assert (ceiling["kind"], ceiling["direction"], ceiling["indicator"]) == ("target", "at_most", "人口出生率")
    assert ceiling["links"] == [{"rel": "target_of", "to": rate["start"]}]
    assert (margin["kind"], margin["unit"], margin["direction"]) == ("change", "百分点", "up")
    assert margin["links"] == [{"rel": "margin_to_target", "to": policy["start"]}]
    assert rate["period"] == "????-Q1" and "unknown_year" in rate["flags"]


def test_distribution_in_order(tmp_path: Path) -> None:
    a, b, c, d = records_of(tmp_path, "2010年财政收入3亿元，财政支出2亿元，分别比上年增长8.1%、5.2%。\n")
    assert (c["kind"], c["value"], c["links"]) == ("growth", 8.1, [{"rel": "growth_of", "to": a["start"]}])
    assert (d["value"], d["links"]) == (5.2, [{"rel": "growth_of", "to": b["start"]}])


def test_parts_and_rate(tmp_path: Path) -> None:
    text = "应检妇女200人，实际检查198人，参检率99%；落实手术12例，其中上环9例，结扎3例。\n"
    due, done, rate, whole, part, other = records_of(tmp_path, text)
    assert due["links"] == [{"rel": "denominator_of", "to": rate["start"]}]
    assert done["links"] == [{"rel": "numerator_of", "to": rate["start"]}]
    assert part["links"] == other["links"] == [{"rel": "part_of", "to": whole["start"]}]


def test_table_with_units_in_its_head(tmp_path: Path) -> None:
    text = (
        "2021年泉州市人口简况\n县（市、区）\t年末常住人口（万人）\t出生率（‰）\n德化县\t33.7\t9.7\n石狮市\t68.9\t7.7\n"
    )
    cells = records_of(tmp_path, text)
    assert [(r["place_code"], r["indicator_id"], r["value"], r["unit"]) for r in cells] == [
        ("350526", "resident_population", 337000, "人"), ("350526", "birth_rate", 9.7, "‰"),
        ("350581", "resident_population", 689000, "人"), ("350581", "birth_rate", 7.7, "‰"),
    ]  # fmt: skip


def test_a_body_pasted_twice_counts_once(tmp_path: Path) -> None:
    body = "一、基本情况\n全县年末总人口四十余万，出生人口1414人，人口出生率为11.31‰，各项工作稳步推进，群众反映良好。\n二、下步打算\n继续努力，把各项工作做细做实，确保完成上级交给的任务，力争取得更好的成绩。\n"
    path = tmp_path / "twice.txt"
    path.write_text(body + body, encoding="utf8")
    tables = extract_document(path, path.name, "d")
    flags = ["duplicate" in o["flags"] for o in tables.observations]
    assert flags == [False] * (len(flags) // 2) + [True] * (len(flags) // 2)
    assert tables.sections[1]["duplicate_of"] == 0


@beside
@pytest.mark.parametrize("path", SEEDS, ids=lambda p: p.name[:3])
def test_offsets_are_exact_on_the_source_documents(path: Path) -> None:
    text = path.read_bytes().decode("utf8")
    records = extract_records(path)
    assert records
    assert all(text[r["start"] : r["end"]] == r["raw"] for r in records)
    assert all(r["value"] is None for r in records if "damaged" in r["flags"])


@beside
def test_gold_scores() -> None:
    spec = importlib.util.spec_from_file_location("gold_score", SHARED / "gold" / "score.py")
    assert spec is not None and spec.loader is not None
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    gold = [g for path in sorted((SHARED / "gold").glob("0*.jsonl")) for g in scorer.load(path)]
    coverage = json.loads((SHARED / "gold" / "coverage.json").read_text(encoding="utf8"))
    result = scorer.score(gold, [r for path in SEEDS for r in extract_records(path)], coverage=coverage)
    assert result["silent_corruption"] == 0
    assert result["found_f1"] >= 0.98
    assert result["quantity_f1"] >= 0.97
    assert result["record_f1"] >= 0.80
    assert result["period_accuracy"] >= 0.90


@beside
def test_the_masked_quarterly_speech() -> None:
    path = next(p for p in SEEDS if p.name.startswith("001"))
    targets = {t["indicator_id"]: t for t in extract_document(path, path.name, "d").targets if t["indicator_id"]}
    ceiling = targets["birth_rate"]
    assert (ceiling["value"], ceiling["reading"], ceiling["alternative_value"], ceiling["robust"]) == (
        10.66,
        "level",
        12.29,
        True,
    )
    assert (targets["policy_compliant_birth_rate"]["value"], targets["contraceptive_implementation_rate"]["value"]) == (
        90.20,
        95.0,
    )


def test_a_compared_value_belongs_to_its_own_time(tmp_path: Path) -> None:
    now, then, change = records_of(tmp_path, "2012年某县人口情况\n2012年，全县死亡1800人，比上年的1960人减少160人。\n")
    assert (now["period"], then["period"]) == ("2012", "2011")
    assert (then["kind"], then["value"]) == ("actual", 1960)
    assert (change["kind"], change["direction"]) == ("change", "down")


def test_the_whole_year_is_the_year_last_named(tmp_path: Path) -> None:
    text = "1953年至1961年人口\n1961年总人口312034人。\n1953年末，全县总人口316134人；全年出生9100人，死亡3187人。\n"
    records = {r["value"]: r["period"] for r in records_of(tmp_path, text)}
    assert (records[9100.0], records[3187.0]) == ("1953", "1953")


def test_a_margin_is_not_read_across_a_semicolon(tmp_path: Path) -> None:
    text = "第一季度，人口出生率1.80‰，市里下达的目标是9.50‰以内，实际低于目标；自然增长率0.90‰。\n"
    rate, ceiling, growth = records_of(tmp_path, text)
    assert (rate["kind"], ceiling["kind"], growth["kind"]) == ("actual", "target", "actual")
    assert ceiling["indicator"] == "人口出生率"


@pytest.mark.parametrize(
    ("sentence", "kind", "direction"),
    [
        ("2010年全省人口自然增长率控制在6‰以下。", "target", "at_most"),
        ("2010年要把人口出生率控制在12‰以内。", "target", "at_most"),
        ("2010年政策生育率不低于88%。", "target", "at_least"),
        ("2010年人口出生率首次控制在10‰以内。", "actual", None),
        ("2010年，婴儿死亡率继续控制在5‰以内。", "actual", None),
        ("2010年计划生育率达到98.93%。", "actual", None),
        ("2010年因病致贫户要减少到500户以内。", "target", "at_most"),
        ("2010年，认为“必须有一个男孩”的占46.5%。", "actual", None),
    ],
)
def test_a_bound_is_a_target_unless_it_is_an_outcome(
    tmp_path: Path, sentence: str, kind: str, direction: str | None
) -> None:
    (record,) = records_of(tmp_path, sentence + "\n")
    assert (record["kind"], record["direction"]) == (kind, direction)


def test_values_before_and_compared_never_pass_for_this_year(tmp_path: Path) -> None:
    text = "2012年人口情况\n全年自然增加958人，比2011年的698人多260人。死亡率由5.73‰降到5.13‰。\n自然增长700人，不到上年1667人的一半；自然增长率4.42‰。\n"
    increase, before, more, old, new, second, passing, rate = records_of(tmp_path, text)
    assert (increase["period"], before["period"], before["kind"]) == ("2012", "2011", "actual")
    assert (more["kind"], more["direction"], more["value"]) == ("change", "up", 260)
    assert (old["period"], "prior_value" in old["flags"], new["period"]) == (None, True, "2012")
    assert (second["period"], passing["period"], rate["period"]) == ("2012", "2011", "2012")


def test_values_dealt_out_over_subjects_keep_their_sign(tmp_path: Path) -> None:
    text = "2021年全年出生人口4141人，死亡人口14257人，出生率、死亡率、自然增长率分别为3.92‰、13.52‰、-9.59‰。\n"
    rates = records_of(tmp_path, text)[2:]
    assert [(r["indicator_id"], r["value"]) for r in rates] == [
        ("birth_rate", 3.92),
        ("death_rate", 13.52),
        ("natural_growth_rate", -9.59),
    ]


def test_a_text_without_line_ends_takes_linear_time(tmp_path: Path) -> None:
    """Ten times the text takes about ten times the time; quadratic reading took a hundred times."""
    from time import process_time

    sentence = "年末常住人口94.9万人，人口出生率为1.63‰，比上年下降0.3个千分点，落实手术132例；"
    spent = []
    for times in (150, 1500):
        path = tmp_path / f"{times}.txt"
        path.write_text(sentence * times, encoding="utf8")
        extract_records(path)
        begin = process_time()
        extract_records(path)
        spent.append(process_time() - begin)
    assert spent[1] < 25 * spent[0]


def test_values_dealt_out_over_years(tmp_path: Path) -> None:
    found = records_of(tmp_path, "2007年、2008年、2009年全区常住人口分别为87.34万人、89.04万人、91.41万人。\n")
    assert [(r["indicator"], r["period"]) for r in found] == [
        ("常住人口", "asof:2007"), ("常住人口", "asof:2008"), ("常住人口", "asof:2009"),
    ]  # fmt: skip


def test_numbering_that_begins_again_in_another_writing_is_another_text(tmp_path: Path) -> None:
    first = "一、目标任务\n2015年减贫61户。\n三、组织保障\n1.强化领导。落实责任，明确分工，一级抓一级。\n2.强化投入。2015年投入62万元。\n"
    second = "1、强化政府职责\n2007年建成学校63所。\n2、优化布局\n2007年撤并教学点64个，投入65万元。\n"
    path = tmp_path / "two.txt"
    path.write_text(first + second, encoding="utf8")
    found = {r["value"]: (r["section"], r["period"]) for r in extract_records(path) if r["class"] == "indicator"}
    assert found[620000.0] == (0, "2015") and found[63.0] == (1, "2007")
    same = "三、组织保障\n1、强化领导。\n2、强化投入。\n四、其他\n1.协调。\n"
    path.write_text(first + same, encoding="utf8")
    assert {r["section"] for r in extract_records(path)} == {0}


def test_figures_after_a_trend_are_about_what_moves(tmp_path: Path) -> None:
    text = "2010年分析\n全县出生人口性别比持续偏高。2000年为119.8，2005年达到123.4的峰值，2010年回落到116.2。\n全县参合率逐年提高。2009年为91.5%，2010年为96.3%。\n"
    found = records_of(tmp_path, text)
    assert [(r["indicator"], r["unit"], r["period"]) for r in found] == [
        ("出生人口性别比", ":100", "2000"), ("出生人口性别比", ":100", "2005"), ("出生人口性别比", ":100", "2010"),
        ("参合率", "%", "2009"), ("参合率", "%", "2010"),
    ]  # fmt: skip
