"""Periods: headings that set the year of what follows, spoken years, Chinese dates, the year's end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.extraction.periods import SEVERAL_SIGN, SEVERAL_YEARS, period_of
from pipelines.extraction.surroundings import Layout
from pipelines.extraction.timelines import timeline
from pipelines.extraction.timewords import names_its_year


def periods(text: str, *numbers: str, stock: bool = False, kind: str = "actual") -> list[str]:
    """Period of each number of a text that is one section."""
    line = timeline(text, 0, len(text))
    found = []
    for number in numbers:
        at = text.index(number)
        found.append(period_of(line, Layout(text), at, at + len(number), stock, kind)[0])
    return found


def test_headings_give_their_part_its_year() -> None:
    text = (
        "某县2017年政府工作报告\n一、2016年工作回顾\n完成造林81亩，全年脱贫82户。\n"
        "二、2017年主要任务\n新建幼儿园83所，年底前建成84个。\n"
    )
    assert periods(text, "81", "82", "83", "84") == ["2016", "2016", "2017", "2017"]
    line = timeline(text, 0, len(text))
    assert [(p.year, p.plan) for p in line.parts if p.evidence != "2017年"] == [("2016", False), ("2017", True)]


def test_a_budget_report_reviews_one_year_and_plans_the_next() -> None:
    text = (
        "某县2013年预算执行情况和2014年预算草案的报告\n一、2013年预算执行情况\n收入71亿元，比上年增长10%。\n"
        "二、2014年预算草案\n收入安排76亿元。\n"
    )
    assert periods(text, "71", "76") == ["2013", "2014"]


def test_a_sentence_that_announces_a_list_opens_a_part() -> None:
    text = "（2017年1月）\n全县有医生41人。2016年主要抓了以下工作：一是培训42人。二是义诊43次。\n2017年，我们将做好：新建44所。\n"
    assert periods(text, "42", "43", "44") == ["2016", "2016", "2017"]


def test_headings_without_a_year_open_and_close_plans() -> None:
    text = "2016年工作总结\n一、主要做法\n培训51人。\n二、下一步打算\n培训52人。\n三、工作成效\n培训53人。\n"
    line = timeline(text, 0, len(text))
    assert [line.part_at(text.index(n)).plan for n in ("51", "52", "53")] == [False, True, False]


@pytest.mark.parametrize(
    "heading",
    [
        "一、认真落实计划生育目标管理责任制",
        "二、完成任务情况",
        "1.2016年出生人口目标5000人",
        "三、2016年计划生育工作情况",
    ],
)
def test_what_is_no_plan(heading: str) -> None:
    text = f"2016年工作总结\n{heading}\n培训51人。\n"
    assert not timeline(text, 0, len(text)).part_at(text.index("51")).plan


def test_deadlines_and_the_day_of_signing_do_not_tell_the_year() -> None:
    text = "某县2015年扶贫情况\n（2016年1月5日）\n到2018年底前脱贫61人，力争2018年完成62户。有63人脱贫。\n"
    assert timeline(text, 0, len(text)).year == "2015"


@pytest.mark.parametrize(
    ("words", "period"),
    [
        ("今年第一季度", "2015-Q1"),
        ("去年上半年", "2014-H1"),
        ("去年5月", "2014-05"),
        ("明年四月份", "2016-04"),
        ("二〇一四年十月三十日", "2014-10-30"),
        ("五月三十日", "2015-05-30"),
        ("一月十日至十二日", "2015-01-10..2015-01-12"),
        ("6月1日-6月30日", "2015-06-01..2015-06-30"),
        ("一月至六月", "2015-01..2015-06"),
        ("2012年与2014年间", "2012..2014"),
        ("“十三五”期间", "2016..2020"),
        ("过去一年", "2015"),
    ],
)
def test_time_words(words: str, period: str) -> None:
    text = f"2015年工作总结\n2015年培训5人。\n{words}，培训77人。\n"
    assert periods(text, "77") == [period]


def test_a_government_report_speaks_of_the_year_before() -> None:
    text = "2017年政府工作报告\n2017年，培训5人。\n过去一年，培训77人；去年，培训78人。\n"
    assert periods(text, "77", "78") == ["2016", "2016"]


def test_the_years_end_counts_stocks_alone() -> None:
    text = "2015年公报\n2015年末全县共有学校61所，教师62人，入学率63%。\n年末户籍人口64万人，出生率6.5‰。\n"
    assert periods(text, "64", stock=True) == ["asof:2015"]
    assert periods(text, "6.5") == ["2015"]


def test_a_stock_counted_until_a_day() -> None:
    text = "2015年总结\n截至9月30日，育龄妇女61人，培训62人。\n"
    assert periods(text, "61", stock=True) == ["asof:2015-09-30"]
    assert periods(text, "62") == ["2015-09-30"]


def test_page_furniture_tells_no_year() -> None:
    text = "2015年总结\n培训61人。\n发布时间：2019-05-06 10:22 2019年 2019年\n"
    at = text.index("发布")
    assert timeline(text, 0, len(text), noise=[(at, len(text))]).year == "2015"


@pytest.mark.parametrize(
    ("text", "number", "period"),
    [
        ("2015年总结\n2015年培训5人。\n学校始建于1956年，有教师61人。\n", "61", "2015"),
        ("2015年总结\n2015年培训5人。\n新农保7月1日启动，参保61人。\n", "61", "2015"),
        ("2015年总结\n2015年上半年，手术占全年任务42例的61%，其中结扎63例。\n", "63", "2015-H1"),
        ("2015年总结\n2015年上半年，全年计划培训61人次。\n", "61", "2015"),
        ("2010年分析\n2000年为11.8，2005年达到12.4，2010年回落到11.2。分孩次看，一孩为10.9。\n", "10.9", "2010"),
        ("2015年总结\n一是基础不实。5月份抽查18个村。二是管理滞后。流出妇女61人。\n", "61", "2015"),
        ("2015年总结\n9月底前，完成51例。开展61次。\n2015年好。\n", "61", "2015"),
        ("2015年总结\n2007年秋季起，选派62人。资助61人。\n2015年好。\n", "61", "2015"),
        ("2015年总结\n2015年好。\n到“十三五”期末，贫困人口降到61人。\n", "61", "2020"),
        ("2010年分析\n2010年有人口32人，与2000年第五次人口普查的61人相比增加。\n", "61", "2000"),
    ],
)
def test_how_far_a_time_word_reaches(text: str, number: str, period: str) -> None:
    assert periods(text, number) == [period]


@pytest.mark.parametrize(
    ("text", "number", "period"),
    [
        ("清嘉庆二十五年（1820年），县境有61万口。", "61", "asof:1820"),
        ("乾隆五十年（1785年）有62户。", "62", "asof:1785"),
    ],
)
def test_a_western_year_behind_a_reign_year(text: str, number: str, period: str) -> None:
    assert periods("2000年县志\n" + text, number, stock=True) == [period]


@pytest.mark.parametrize(
    "clause",
    [
        "与2010年第六次普查的61人相比",
        "比2010年全县平均的61人高",
        "与2010年全县的61人相比较",
        "较2010年第六次普查时的61人减少9人",
    ],
)
def test_a_number_compared_with_is_of_the_year_named(clause: str) -> None:
    assert periods(f"2020年公报\n2020年有62人，{clause}，多63人。\n", "61", "63") == ["2010", "2020"]


def test_a_comparison_in_passing_names_no_year_for_what_was_done() -> None:
    assert periods("2020年公报\n比2010年增加的61人中，与2015年签约的62家企业合作。\n", "61", "62") == ["2020", "2020"]


@pytest.mark.parametrize("goal", ["低于市定全年目标13.5‰", "完成全年任务1500人", "占全年计划的27.5%"])
def test_the_whole_year_in_a_goal_dates_that_goal_alone(goal: str) -> None:
    text = f"2013年一季度通报\n一季度出生61人，{goal}；死亡62人，迁入63人。\n"
    assert periods(text, "61", "62", "63") == ["2013-Q1"] * 3


def test_a_goal_for_the_year_is_no_goal_for_the_quarter() -> None:
    text = "2013年一季度通报\n一季度出生率3‰，低于市定全年目标13.5‰。完成年度目标720人的67%。一季度计划60人。\n"
    assert periods(text, "13.5", "720", "60", kind="target") == ["2013", "2013", "2013-Q1"]
    assert periods(text, "67", kind="completion") == ["2013-Q1"]
    text = "2014年上半年工作总结\n体检61人，完成全年任务的41%。\n"
    assert periods(text, "41", kind="completion") == ["2014-H1"]


def test_headings_that_require_open_a_plan_of_their_time() -> None:
    text = "某县2013年第一季度通报\n一、指标情况\n出生61人。\n三、二季度工作要求\n查处62起。\n"
    assert periods(text, "61", "62") == ["2013-Q1", "2013-Q2"]
    assert timeline(text, 0, len(text)).part_at(text.index("62")).plan


def test_that_year_is_the_year_last_named() -> None:
    text = "2005年县志\n1949年61人，1985年62人。是年，农户63户。同年，学校64所。\n\n同年，医院65所。\n"
    assert periods(text, "63", "64", "65") == ["1985", "1985", "????"]


def test_the_same_time_of_the_year_before() -> None:
    text = "2013年一季度通报\n一季度出生61人，上年同期为62人。1至2月比去年同期的63人少。\n去年同期64人，上年65人。\n"
    assert periods(text, "62", "63", "64") == ["2012-Q1", "2012-01..2012-02", "2012-Q1"]


@pytest.mark.parametrize(("opening", "plan"), [("截至9月底，", False), ("上半年，", False), ("四季度，", True)])
def test_a_plan_ends_where_a_reported_time_opens(opening: str, plan: bool) -> None:
    text = f"2013年上半年工作总结\n培训61人。\n二、下半年工作打算\n培训62人。\n{opening}培训63人。\n"
    line = timeline(text, 0, len(text))
    assert line.part_at(text.index("62")).plan
    assert line.part_at(text.index("63")).plan is plan


def news(line: str, stamp: str) -> str:
    """Year of a section that stands under a page's head."""
    head = f"某县新闻网\n{stamp}\n"
    text = head + line
    return timeline(text, 0, len(text), noise=[(0, len(head))]).year


def test_news_is_of_the_year_of_its_page() -> None:
    stamp = "发布日期：2018-07-12 08:45 来源：县教育局"
    assert news("    本网讯 今年以来，培训61人。\n", stamp) == "2018"
    assert news("某某新闻网讯（记者张某）今年，培训61人。\n", "发布时间:2018年2月3日") == "2018"


@pytest.mark.parametrize(
    ("line", "stamp"),
    [
        ("今年以来，培训61人。\n", "发布日期：2018-07-12"),
        ("本网讯 全县培训61人。\n", "发布日期：2018-07-12"),
        ("本网讯 今年以来，培训61人。\n", "发布日期：2018-01-02"),
        ("本网讯 今年以来，培训61人。\n", "更新：2018-07-12"),
        ("本网讯 20xx年今年以来，培训61人。\n", "发布日期：2018-07-12"),
    ],
)
def test_the_day_of_a_page_says_nothing_of_other_texts(line: str, stamp: str) -> None:
    assert news(line, stamp) == "????"


@pytest.mark.parametrize(
    ("text", "number", "period"),
    [
        ("某县总结\n截至2018年10月底，脱贫61户。\n", "61", "2018-01..2018-10"),
        ("某市2010年公报\n有62人，同第五次普查2000年11月1日零时的63人相比，增长61%。\n", "61", "2010"),
        ("某县2016年工作总结\n2015年为62人。与2015年相比，降至61人。\n", "61", "2016"),
        ("某县2016年工作总结\n脱贫61人。\n2017年计划脱贫62人，2018年脱贫63人。\n", "61", "2016"),
        ("某县2016年总结和2017年打算\n2017年脱贫61人。\n2017年好。\n脱贫62人。\n", "62", "2017"),
    ],
)
def test_whose_time_a_number_has(text: str, number: str, period: str) -> None:
    assert periods(text, number) == [period]


def test_a_bulletin_cannot_review_a_year_after_its_day_of_issue() -> None:
    head = "工作简报\n第11期（总第58期）　2021年11月8日\n1-10月全县医保基金运行情况\n"
    text = head + "10月末，参保92万人。2022年居民医保征缴9月启动，已缴31万人。\n"
    assert timeline(text, 0, len(text)).year == "2021"
    plan = "第2期　2021年12月28日\n2022年工作安排\n2022年，新增参保3万人。\n"
    assert timeline(plan, 0, len(plan)).year == "2022"


@given(
    st.lists(st.sampled_from([*"0189十三二两年间来里内共增提较比前均平", "累计", "18年增"]), max_size=9).map("".join)
)
def test_a_change_over_several_years_has_its_sign(text: str) -> None:
    assert not SEVERAL_YEARS.search(text) or SEVERAL_SIGN.search(text)


@given(
    st.lists(st.sampled_from(["2016年", "去年", "。", "\n", "2015年末", "1月", "全年", "增长3%", "，比"]), max_size=12)
)
def test_the_year_a_word_counts_from_is_the_last_one_named_before_it(pieces: list[str]) -> None:
    text = "".join(pieces)
    line = timeline(text, 0, len(text))
    for k, word in enumerate(line.words):
        named = [w for w in line.words[:k] if not w.reference and names_its_year(w.text, w.period)]
        assert line.explicit_before(word) == (named[-1] if named else None)
