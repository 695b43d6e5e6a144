"""Levels: which numbers stand at a moment, by their names, by the level they belong to, and by the head of the text."""

from pathlib import Path

import pytest

from pipelines.extraction.document import extract_records


def periods(folder: Path, text: str) -> dict[str, str | None]:
    """Period of each quantity of a text, by its words."""
    path = folder / "a.txt"
    path.write_text(text, encoding="utf8")
    return {r["raw"]: r["period"] for r in extract_records(path) if r["class"] in ("indicator", "norm")}


def test_counted_until_the_end_of_a_month(tmp_path: Path) -> None:
    text = "永春县2016年工作汇报\n截至11月底，全县持证残疾人18426人，其中肢体残疾8915人，占48.4%。培训残疾人62人，发放资金311万元。\n"
    found = periods(tmp_path, text)
    assert [found[k] for k in ("18426人", "8915人", "48.4%")] == ["asof:2016-11"] * 3
    assert [found[k] for k in ("62人", "311万元")] == ["2016-01..2016-11"] * 2


@pytest.mark.parametrize(
    ("head", "moment"),
    [
        ("现报告如下（数据截至2014年9月）。", "asof:2014-09"),
        ("（数据统计截止时间：2015年6月30日）", "asof:2015-06-30"),
        ("统计时点为2013年12月31日。", "asof:2013-12-31"),
        ("现将2010年11月1日零时主要数据公布如下：", "asof:2010-11-01"),
    ],
)
def test_the_head_of_a_text_says_when_all_was_counted(tmp_path: Path, head: str, moment: str) -> None:
    text = f"桐庐县自评报告\n{head}\n一、情况\n教学班768个，班额达标率97.4%。投入资金3000万元，培训教师62人。\n"
    found = periods(tmp_path, text)
    assert found["768个"] == found["97.4%"] == moment
    assert found["3000万元"] == found["62人"] == moment[5:9]


def test_levels_of_years_gone_by(tmp_path: Path) -> None:
    text = "2000年县志\n人口由1949年的17.63万人增至1957年的21.05万人。1985年城镇人口比重9.8%，出生61人。全县30218户163442人。\n"
    found = periods(tmp_path, text)
    assert found["17.63万人"] == "asof:1949"
    assert found["21.05万人"] == "asof:1957"
    assert (found["9.8%"], found["61人"]) == ("asof:1985", "1985")


def test_levels_beside_events_of_a_half_year(tmp_path: Path) -> None:
    text = "元谋县羊街镇2013年上半年工作汇报\n上半年，新识别贫困户31户。寄宿生1385名，贷款余额318万元。清退27户。\n"
    found = periods(tmp_path, text)
    assert found["1385名"] == found["318万元"] == "asof:2013-H1"
    assert found["31户"] == found["27户"] == "2013-H1"


def test_a_change_of_a_level_is_of_the_year(tmp_path: Path) -> None:
    found = periods(tmp_path, "德清县2019年公报\n年末户籍人口44.39万人，比上年末增加2415人。\n")
    assert (found["44.39万人"], found["2415人"]) == ("asof:2019", "2019")


@pytest.mark.parametrize(
    "change",
    [
        "比1973年提高52.8个百分点",
        "与1964年的33.6%相比，提高52.8个百分点",
        "18年间提高52.8个百分点",
        "较三年前提高52.8个百分点",
    ],
)
def test_a_change_over_years_is_that_of_no_year(tmp_path: Path, change: str) -> None:
    found = periods(tmp_path, f"1979年总结\n1979年计划生育率86.4%，{change}。\n")
    assert (found["86.4%"], found["52.8个百分点"]) == ("1979", None)


def test_a_change_against_the_year_before_has_its_year(tmp_path: Path) -> None:
    found = periods(tmp_path, "1979年总结\n1979年计划生育率86.4%，比1978年提高2.8个百分点，比上年同期多61人。\n")
    assert (found["2.8个百分点"], found["61人"]) == ("1979", "1979")


def test_values_before_under_a_comparison_that_names_the_year(tmp_path: Path) -> None:
    text = "岐山县2020年公报\n与2010年相比，文盲率由5.46%下降为2.91%。辍学率由3.1%下降为2.9%。\n"
    found = periods(tmp_path, text)
    assert (found["5.46%"], found["2.91%"], found["3.1%"]) == ("2010", "2020", None)


def test_counts_side_by_side_are_of_one_moment(tmp_path: Path) -> None:
    text = "镇坪县2016年工作汇报\n全县辖7镇58村，建档立卡贫困户5276户14860人，其中因病致贫1923户5316人，占比36.4%。帮扶贫困户61户62人。\n"
    found = periods(tmp_path, text)
    assert {found[k] for k in ("7镇", "58村", "5276户", "14860人", "1923户", "5316人", "36.4%")} == {"asof:2016"}
    assert found["61户"] == found["62人"] == "2016"
