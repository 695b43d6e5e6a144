"""What numbers are about: phrases, kinds, units and links of single sentences, by rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.extraction.document import extract_records


def read(tmp_path: Path, text: str) -> list[dict[str, Any]]:
    path = tmp_path / "report.txt"
    path.write_text(text + "\n", encoding="utf8")
    return [r for r in extract_records(path) if r["class"] in ("indicator", "norm")]


def told(tmp_path: Path, text: str, *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(r[f] for f in fields) for r in read(tmp_path, text)]


@pytest.mark.parametrize(
    ("sentence", "phrases"),
    [
        ("小学生均公用经费由500元提高到560元，初中由700元提高到760元。",
         ["小学生均公用经费", "小学生均公用经费", "初中生均公用经费", "初中生均公用经费"]),
        ("师生比小学为1:14.2，初中为1:11.8。", ["小学师生比", "初中师生比"]),
        ("生均图书小学15.6册、初中22.3册。", ["小学生均图书", "初中生均图书"]),
        ("床位由150张增至260张。", ["床位", "床位"]),
        ("婴儿死亡9例，死亡率4.88‰。", ["婴儿死亡例数", "婴儿死亡率"]),
        ("人口出生率6.7‰，死亡率9.6‰。", ["人口出生率", "死亡率"]),
        ("税收收入60553万元，增长11.3%，占比85%。", ["税收收入", "税收收入增长", "税收收入占比"]),
        ("户籍人口35.2万人，比上年末增加2415人。", ["户籍人口", "户籍人口增加"]),
        ("全年出生120人、死亡80人、自然增长40人。", ["出生人数", "死亡人数", "自然增长人数"]),
        ("全村213户926人。", ["户数", "人数"]),
        ("县、乡两级住院实际补偿比分别为58.3%、79.6%。", ["县住院实际补偿比", "乡住院实际补偿比"]),
        ("登记高血压患者16873人、糖尿病患者4012人，规范管理率分别达到72.4%、70.1%。",
         ["登记高血压患者", "登记糖尿病患者", "登记高血压患者规范管理率", "登记糖尿病患者规范管理率"]),
        ("年末总人口由2009年的295044人增加到308437人。", ["年末总人口", "年末总人口"]),
    ],
)  # fmt: skip
def test_phrases(tmp_path: Path, sentence: str, phrases: list[str]) -> None:
    assert [r["indicator"] for r in read(tmp_path, sentence)] == phrases


@pytest.mark.parametrize(
    ("sentence", "kinds"),
    [
        ("居民消费价格总水平比上年上涨2.8%。", ["growth"]),
        ("比上年增收6478万元，增长10.0%。", ["change", "growth"]),
        ("实际完成71236万元，为年初预算的104.0%。", ["actual", "completion"]),
        ("完成任务400对的100.75%。", ["target", "completion"]),
        ("儿童国家免疫规划疫苗应种12640剂次。", ["actual"]),
        ("孕前优生健康检查计划怀孕夫妇2436对。", ["actual"]),
        ("计划安排资金50万元。", ["target"]),
        ("下达“两免一补”资金2873万元。", ["actual"]),
        ("争取扶贫资金146.5万元。", ["actual"]),
        ("争取参合率达到98%。", ["target"]),
        ("雨露计划培训75人。", ["actual"]),
        ("农村学校专任教师平均年龄43.5岁。", ["actual"]),
        ("年满60周岁的计生家庭夫妻受益。", ["norm"]),
        ("生均公用经费达到4000元。", ["norm"]),
        ("落实生均公用经费351.3万元。", ["actual"]),
        ("债务率71.4%，低于100%的警戒线。", ["actual", "norm"]),
        ("投入帮扶资金60万元，用于资助100名学生。目前尚未拨付。", ["target", "target"]),
        ("选派初中毕业生10人到市里学习（招生未开始，9月份才能完成）。", ["target"]),
        ("完成学生资助224人，尚未开展中职以上学生的资助。", ["actual"]),
    ],
)  # fmt: skip
def test_kinds(tmp_path: Path, sentence: str, kinds: list[str]) -> None:
    assert [r["kind"] for r in read(tmp_path, sentence)] == kinds


@pytest.mark.parametrize(
    ("sentence", "units"),
    [
        ("每千人拥有床位5.4张。", ["张/千人"]),
        ("每百名学生拥有计算机7.2台。", ["台/百人"]),
        ("农村寄宿生生活补助标准为小学每生每天4元、初中每生每天5元。", ["元/生·天", "元/生·天"]),
        ("次均住院费用3920元。", ["元/人次"]),
        ("大病保险起付线由1万元降至3000元。", ["元", "元"]),
        ("户均耕地4.2亩，人均耕地1.1亩。", ["亩/户", "亩/人"]),
        ("独生子女父母奖励每人每月10元。", ["元/人·月"]),
    ],
)  # fmt: skip
def test_units_the_sentence_completes(tmp_path: Path, sentence: str, units: list[str]) -> None:
    assert [r["unit"] for r in read(tmp_path, sentence)] == units


REPORT = """某县2016年工作总结
一、2016年主要工作
人口出生率控制在12‰以内。新建幼儿园4所。
二、下一步工作打算
人口出生率控制在12‰以内。新建幼儿园6所。目前已开工2所。
"""


def test_the_part_of_a_report_tells_outcome_from_target(tmp_path: Path) -> None:
    assert told(tmp_path, REPORT, "raw", "kind") == [
        ("12‰以内", "actual"),
        ("4所", "actual"),
        ("12‰以内", "target"),
        ("6所", "target"),
        ("2所", "actual"),
    ]


def test_values_behind_a_list_of_as_many_names_are_dealt_out(tmp_path: Path) -> None:
    text = "对升入高职、专科、一般本科到重点本科的贫困学生资助，升学当年每人一次性资助1000、2000、3000、5000元。"
    assert [(r["value"], r["unit"], r["indicator"][:4]) for r in read(tmp_path, text)] == [
        (1000.0, "元/人", "升入高职"),
        (2000.0, "元/人", "专科升学"),
        (3000.0, "元/人", "一般本科"),
        (5000.0, "元/人", "重点本科"),
    ]


def test_an_age_belongs_to_the_noun_behind_it(tmp_path: Path) -> None:
    assert read(tmp_path, "为65岁以上老年人免费体检8230人。")[-1]["indicator"] == "65岁以上老年人免费体检"


def test_the_value_before_has_no_period_of_its_own(tmp_path: Path) -> None:
    text = "2010年，自然增长率上升3.59个千分点，由7.66‰一举突破10‰。"
    before = next(r for r in read(tmp_path, text) if r["value"] == 7.66)
    assert before["period"] is None
    assert "prior_value" in before["flags"]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("落实率88.9%，未达到市里90%的进度要求。", [("落实率", "actual"), ("落实率", "target")]),
        ("满意度93.7%，超过省定85%的标准。", [("满意度", "actual"), ("满意度", "norm")]),
        ("政策生育率86.97%，比市定目标（85%）高1.97个百分点。",
         [("政策生育率", "actual"), ("政策生育率", "target"), ("政策生育率高", "change")]),
        ("生均图书28.7册，省定标准为25册。", [("生均图书", "actual"), ("生均图书", "norm")]),
        ("孕前检查412对，占全年任务1500对的27.5%。",
         [("孕前检查", "actual"), ("孕前检查任务", "target"), ("孕前检查完成比例", "completion")]),
        ("达到市定目标的有11个。", [("达到市定目标", "actual")]),
        ("完成投资1.37亿元，占年度计划的68.5%，开工项目学校46所。",
         [("完成投资", "actual"), ("完成投资完成比例", "completion"), ("开工项目学校", "actual")]),
        ("请各乡镇于11月5日前将问题清零，整改率达100%。", [("整改率", "target")]),
    ],
)  # fmt: skip
def test_levels_beside_values(tmp_path: Path, sentence: str, expected: list[tuple[str, str]]) -> None:
    assert told(tmp_path, sentence, "indicator", "kind") == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("1949年每平方公里112人。", [("人/平方公里", 112.0)]),
        ("平均班额由47.3人降为41.5人。", [("人/班", 47.3), ("人/班", 41.5)]),
        ("平均每个家庭户的人口为2.71人。", [("人/户", 2.71)]),
        ("城市低保标准由460元提高到每人每月530元。", [("元/人·月", 460.0), ("元/人·月", 530.0)]),
        ("生活补贴每人每月70元，护理补贴一级100元、二级80元。",
         [("元/人·月", 70.0), ("元/人·月", 100.0), ("元/人·月", 80.0)]),
        ("农民人均纯收入突破5000元大关，达到5136元。", [("元/人", 5000.0), ("元/人", 5136.0)]),
        ("性别比（以女性为100，男性对女性的比例）为106.28。", [(":100", 106.28)]),
    ],
)  # fmt: skip
def test_units_carried(tmp_path: Path, sentence: str, expected: list[tuple[str, float]]) -> None:
    assert told(tmp_path, sentence, "unit", "value") == expected


@pytest.mark.parametrize(
    ("sentence", "phrases"),
    [
        ("出生率3.02‰，比全县平均水平低0.5个千分点。", ["出生率", "出生率低"]),
        ("识别准确率97.9%，比第二轮提高1.6个百分点。", ["识别准确率", "识别准确率提高"]),
        ("60岁及以上人口为95241人，占23.07%。", ["60岁及以上人口", "60岁及以上人口占"]),
        ("在校学生2463人，在园幼儿312人。", ["在校学生", "在园幼儿"]),
        ("独生子女领证户从1979年的412户发展到1985年的9873户。", ["独生子女领证户", "独生子女领证户"]),
        ("羊街镇现有完小8所。", ["完小"]),
        ("共有4123人享受困难残疾人生活补贴。", ["享受困难残疾人生活补贴人数"]),
        ("全县辖7镇58村。", ["镇数", "村数"]),
        ("1．生均校舍面积。小学5.12平方米；初中7.36平方米。", ["生均校舍面积小学", "生均校舍面积初中"]),
    ],
)  # fmt: skip
def test_names_without_the_words_around_them(tmp_path: Path, sentence: str, phrases: list[str]) -> None:
    assert [r["indicator"] for r in read(tmp_path, sentence) if r["unit"] != "岁"] == phrases


def test_the_value_of_another_census_has_no_period_unless_its_year_is_told(tmp_path: Path) -> None:
    text = "2020年，常住人口1029754人，比第六次人口普查的815848人增加213906人。"
    found = {r["value"]: (r["period"], "prior_value" in r["flags"]) for r in read(tmp_path, text)}
    assert found[815848.0] == (None, True)
    assert found[1029754.0][0] == "asof:2020"


def test_a_paragraph_on_the_sex_ratio_gives_bare_numbers_their_unit(tmp_path: Path) -> None:
    text = "出生人口性别比偏高。2000年为119.8，2005年达到123.4。分孩次看，一孩为107.9，二孩高达131.5。"
    assert told(tmp_path, text, "unit", "indicator") == [
        (":100", "出生人口性别比"),
        (":100", "出生人口性别比"),
        (":100", "一孩出生人口性别比"),
        (":100", "二孩出生人口性别比"),
    ]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("50岁以上教师312人，占专任教师37.1%。", ("50岁以上教师占专任教师", "actual", "%")),
        ("人均经费18.5元，比全市平均水平低3.6元。", ("人均经费低", "change", "元/人")),
        ("城市低保人均月补差204元。", ("城市低保人均月补差", "actual", "元/人·月")),
        ("认为“必须有一个男孩”的占46.5%。", ("认为“必须有一个男孩”的占", "actual", "%")),
        ("因病致贫户要减少到500户以内。", ("因病致贫户", "target", "户")),
    ],
)
def test_more_ways_to_say_it(tmp_path: Path, sentence: str, expected: tuple[str, str, str]) -> None:
    assert told(tmp_path, sentence, "indicator", "kind", "unit")[-1] == expected
