"""Tables of indicators made by the tests: what each says, and the same table as .csv, .xlsx, .docx and .html."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import docx
import xlsxwriter

# value, unit, catalogue id, kind, scope, place code, period
Figure = tuple[float | None, str | None, str | None, str, str | None, str | None, str | None]


@dataclass(frozen=True)
class Made:
    """Lines of a table, cells divided by `|`; `<` goes on the cell to its left, `^` the one above (merged cells).

    `says` lists the figures in order. Lines before `head` and behind `tail` stand alone above and below the table.
    """

    name: str
    text: str
    says: tuple[Figure, ...]

    @property
    def rows(self) -> list[list[str]]:
        return [[cell.strip() for cell in line.split("|")] for line in self.text.strip().splitlines()]


KAIJIANG, XUANHAN = "511723", "511722"


def actual(
    value: float,
    unit: str | None,
    indicator: str | None,
    place: str | None,
    period: str | None,
    scope: str | None = None,
) -> Figure:
    return (value, unit, indicator, "actual", scope, place, period)


MADE = (
    Made(
        "years as columns, units in a column, notes below",
        """
开江县人口情况表
指标|单位|2018年|2019年|2020年
总人口|万人|59.3|59.5|59.7
人口出生率|‰|9.12|8.98|8.5
户数|户|201,234|-|…
注：总人口为户籍口径，2018年为快报数
资料来源：开江县统计局
""",
        (
            *(actual(v, "人", "year_end_population", KAIJIANG, f"asof:{y}") for y, v in ((2018, 593000), (2019, 595000), (2020, 597000))),
            *(actual(v, "‰", "birth_rate", KAIJIANG, y) for y, v in (("2018", 9.12), ("2019", 8.98), ("2020", 8.5))),
            actual(201234, "户", "registered_households", KAIJIANG, "2018"),
        ),
    ),
    Made(
        "plain years as heads, units in names",
        """
开江县主要人口指标
指标名称|2019|2020|2021
常住人口（万人）|41.5|41.4|X
出生人数（人）|3,412|3,105|2,987
""",
        (
            actual(415000, "人", "resident_population", KAIJIANG, "asof:2019"),
            actual(414000, "人", "resident_population", KAIJIANG, "asof:2020"),
            *(actual(v, "人", "births", KAIJIANG, y) for y, v in (("2019", 3412), ("2020", 3105), ("2021", 2987))),
        ),
    ),
    Made(
        "years merged over two indicators each",
        """
地区|2020年|<|2021年|<
^|出生率(‰)|计生率(%)|出生率(‰)|计划生育率(%)
开江县|9.1|92.5|8.8|93.1
宣汉县|9.3|91.2|8.9|92.2
合计|9.2|91.9|8.85|92.6
""",
        tuple(
            actual(v, unit, None if name == "计生率" else i, place, year, scope)
            for place, scope, values in (
                (KAIJIANG, None, (9.1, 92.5, 8.8, 93.1)), (XUANHAN, None, (9.3, 91.2, 8.9, 92.2)), (None, "合计", (9.2, 91.9, 8.85, 92.6)),
            )
            for v, (unit, i, year, name) in zip(
                values,
                (
                    ("‰", "birth_rate", "2020", ""), ("%", None, "2020", "计生率"),
                    ("‰", "birth_rate", "2021", ""), ("%", "policy_compliant_birth_rate", "2021", ""),
                ),
                strict=True,
            )
        ),
    ),
    Made(
        "an empty column between the years",
        """
县名|2020年|<||2021年|<
^|出生率(‰)|死亡率(‰)||出生率(‰)|死亡率(‰)
开江县|9.1|6.2||8.8|6.4
""",
        (
            actual(9.1, "‰", "birth_rate", KAIJIANG, "2020"), actual(6.2, "‰", "death_rate", KAIJIANG, "2020"),
            actual(8.8, "‰", "birth_rate", KAIJIANG, "2021"), actual(6.4, "‰", "death_rate", KAIJIANG, "2021"),
        ),
    ),
    Made(
        "counties as columns, one unit above all that fits the rates only",
        """
2020年各县人口变动情况
单位：‰
指标|开江县|宣汉县
出生率|9.1|9.3
死亡率|6.1|6.3
总人口|59.7|101.2
""",
        (
            actual(9.1, "‰", "birth_rate", KAIJIANG, "2020"), actual(9.3, "‰", "birth_rate", XUANHAN, "2020"),
            actual(6.1, "‰", "death_rate", KAIJIANG, "2020"), actual(6.3, "‰", "death_rate", XUANHAN, "2020"),
            actual(59.7, None, None, KAIJIANG, "asof:2020"), actual(101.2, None, None, XUANHAN, "asof:2020"),
        ),
    ),
    Made(
        "long, a place merged over its rows",
        """
地区|年份|指标|单位|数值
开江县|2018|出生率|‰|9.12
^|2018|总人口|万人|59.3
^|2019|出生率|‰|8.98
宣汉县|2019|出生率|‰|9.3
^|2019|总人口|万人|
""",
        (
            actual(9.12, "‰", "birth_rate", KAIJIANG, "2018"), actual(593000, "人", "year_end_population", KAIJIANG, "asof:2018"),
            actual(8.98, "‰", "birth_rate", KAIJIANG, "2019"), actual(9.3, "‰", "birth_rate", XUANHAN, "2019"),
        ),
    ),
    Made(
        "long, years as rows",
        """
开江县历年人口
年份|总人口（人）|出生率(‰)|自然增长率(‰)
2018|593,000|9.1|3.2
2019|595,120|9.0|-0.4
""",
        (
            actual(593000, "人", "year_end_population", KAIJIANG, "asof:2018"), actual(9.1, "‰", "birth_rate", KAIJIANG, "2018"),
            actual(3.2, "‰", "natural_growth_rate", KAIJIANG, "2018"),
            actual(595120, "人", "year_end_population", KAIJIANG, "asof:2019"), actual(9.0, "‰", "birth_rate", KAIJIANG, "2019"),
            actual(-0.4, "‰", "natural_growth_rate", KAIJIANG, "2019"),
        ),
    ),
    Made(
        "this year, last year and growth; parts of a number below it",
        """
2021年开江县人口主要指标
指标|本年|上年|比上年增长(%)
总人口（万人）|59.7|59.5|0.3
出生人数（人）|5021|5101|-1.6
其中：男|2600|2650|-1.9
女|2421|2451|-1.2
""",
        (
            actual(597000, "人", "year_end_population", KAIJIANG, "asof:2021"), actual(595000, "人", "year_end_population", KAIJIANG, "asof:2020"),
            (0.3, "%", None, "growth", None, KAIJIANG, "2021"),
            actual(5021, "人", "births", KAIJIANG, "2021"), actual(5101, "人", "births", KAIJIANG, "2020"),
            (-1.6, "%", None, "growth", None, KAIJIANG, "2021"),
            actual(2600, "人", "births", KAIJIANG, "2021", "男"), actual(2650, "人", "births", KAIJIANG, "2020", "男"),
            (-1.9, "%", None, "growth", "男", KAIJIANG, "2021"),
            actual(2421, "人", "births", KAIJIANG, "2021", "女"), actual(2451, "人", "births", KAIJIANG, "2020", "女"),
            (-1.2, "%", None, "growth", "女", KAIJIANG, "2021"),
        ),
    ),
    Made(
        "planned, done, share done",
        """
开江县计划执行情况
指标|2020年计划|2020年实际|完成率(%)
出生人数(人)|5000|4890|97.8
""",
        (
            (5000, "人", "births", "target", None, KAIJIANG, "2020"), actual(4890, "人", "births", KAIJIANG, "2020"),
            (97.8, "%", None, "completion", None, KAIJIANG, "2020"),
        ),
    ),
    Made(
        "the indicator and its unit only in the title",
        """
表3 2018-2020年各县出生率（‰）
县|2018年|2019年|2020年
开江县|9.1|9.0|8.9
宣汉县|9.4|9.3|
""",
        (
            *(actual(v, "‰", "birth_rate", KAIJIANG, y) for y, v in (("2018", 9.1), ("2019", 9.0), ("2020", 8.9))),
            *(actual(v, "‰", "birth_rate", XUANHAN, y) for y, v in (("2018", 9.4), ("2019", 9.3))),
        ),
    ),
    Made(
        "part of a year is no year",
        """
开江县人口统计
指标|2021年1-6月|2020年1-6月|2021年上半年|上年同期
出生人数（人）|2450|2550|2450|2550
""",
        (
            actual(2450, "人", "births", KAIJIANG, "2021-01..2021-06"), actual(2550, "人", "births", KAIJIANG, "2020-01..2020-06"),
            actual(2450, "人", "births", KAIJIANG, "2021-H1"), actual(2550, "人", "births", KAIJIANG, None),
        ),
    ),
    Made(
        "neither year nor unit told",
        """
序号|县名|总人口|出生率|排名
1|开江县|59.3|9.1|3
2|宣汉县|101.2|9.3|1
""",
        (
            actual(59.3, None, None, KAIJIANG, None), actual(9.1, None, None, KAIJIANG, None),
            actual(101.2, None, None, XUANHAN, None), actual(9.3, None, None, XUANHAN, None),
        ),
    ),
    Made(
        "two units above the table, each for its names",
        """
开江县2020年各乡镇人口与计划生育情况
单位：人、‰
乡镇|总人口|出生率|户数
任市镇|61,200|9.4|20,100
新宁镇|120,350|8.7|41,000
合计|181,550|8.9|61,100
""",
        (
            actual(61200, "人", "year_end_population", KAIJIANG, "asof:2020", "任市镇"), actual(9.4, "‰", "birth_rate", KAIJIANG, "2020", "任市镇"),
            actual(20100, None, None, KAIJIANG, "2020", "任市镇"),
            actual(120350, "人", "year_end_population", KAIJIANG, "asof:2020", "新宁镇"), actual(8.7, "‰", "birth_rate", KAIJIANG, "2020", "新宁镇"),
            actual(41000, None, None, KAIJIANG, "2020", "新宁镇"),
            actual(181550, "人", "year_end_population", KAIJIANG, "asof:2020"), actual(8.9, "‰", "birth_rate", KAIJIANG, "2020"),
            actual(61100, None, None, KAIJIANG, "2020"),
        ),
    ),
    Made(
        "groups of rows, numbered columns",
        """
开江县2019年、2020年人口
指标|计量单位|2019年|2020年
甲|乙|1|2
一、人口
总人口|人|595120|597004
城镇
出生率|‰|8.0|7.9
""",
        (
            actual(595120, "人", "year_end_population", KAIJIANG, "asof:2019"), actual(597004, "人", "year_end_population", KAIJIANG, "asof:2020"),
            actual(8.0, "‰", "birth_rate", KAIJIANG, "2019", "城镇"), actual(7.9, "‰", "birth_rate", KAIJIANG, "2020", "城镇"),
        ),
    ),
    Made(
        "three rows of heads: years, indicators, units",
        """
达州市部分县人口情况
地区|2020年末|<|2021年末|<
^|总人口|总户数|总人口|总户数
^|万人|户|万人|户
开江县|59.7|201,300|59.8|201,900
""",
        (
            actual(597000, "人", "year_end_population", KAIJIANG, "asof:2020"), actual(201300, "户", "registered_households", KAIJIANG, "asof:2020"),
            actual(598000, "人", "year_end_population", KAIJIANG, "asof:2021"), actual(201900, "户", "registered_households", KAIJIANG, "asof:2021"),
        ),
    ),
    Made(
        "counties merged over indicators, years as rows",
        """
年份|开江县|<|宣汉县|<
^|出生率(‰)|死亡率(‰)|出生率(‰)|死亡率(‰)
2019年|9.0|6.1|9.2|6.3
2020年|8.9|6.2|9.1|6.4
""",
        tuple(
            actual(v, "‰", i, place, year)
            for year, values in (("2019", (9.0, 6.1, 9.2, 6.3)), ("2020", (8.9, 6.2, 9.1, 6.4)))
            for v, i, place in zip(values, ("birth_rate", "death_rate") * 2, (KAIJIANG, KAIJIANG, XUANHAN, XUANHAN), strict=True)
        ),
    ),
    Made(
        "a unit in the column and another in the row",
        """
开江县人口
指标|2020年(万人)|2021年
总人口（人）|59.7|598,000
""",
        (actual(59.7, None, None, KAIJIANG, "asof:2020"), actual(598000, "人", "year_end_population", KAIJIANG, "asof:2021")),
    ),
    Made(
        "growth without a unit of its own, a row of growth, last year of a row's year",
        """
开江县人口变动
年份|出生人数（人）|上年出生人数（人）|比上年增长
2019年|5021|5101|-1.6
2020年|4890|5021|-2.6
年均增长（%）|-2.1||
""",
        (
            actual(5021, "人", "births", KAIJIANG, "2019"), actual(5101, "人", "births", KAIJIANG, "2018"),
            (-1.6, None, None, "growth", None, KAIJIANG, "2019"),
            actual(4890, "人", "births", KAIJIANG, "2020"), actual(5021, "人", "births", KAIJIANG, "2019"),
            (-2.6, None, None, "growth", None, KAIJIANG, "2020"),
            (-2.1, "%", None, "growth", None, KAIJIANG, None),
        ),
    ),
    Made(
        "counties and their sum as columns",
        """
2020年人口 单位：人
指标|开江县|宣汉县|合计
出生人数|5021|9120|14141
""",
        (
            actual(5021, "人", "births", KAIJIANG, "2020"), actual(9120, "人", "births", XUANHAN, "2020"),
            actual(14141, "人", "births", None, "2020", "合计"),
        ),
    ),
    Made(
        "counties as rows below an empty corner, the indicator in the title",
        """
出生率（‰）
|2019年|2020年
开江县|9.0|8.9
宣汉县|9.2|9.1
""",
        (
            actual(9.0, "‰", "birth_rate", KAIJIANG, "2019"), actual(8.9, "‰", "birth_rate", KAIJIANG, "2020"),
            actual(9.2, "‰", "birth_rate", XUANHAN, "2019"), actual(9.1, "‰", "birth_rate", XUANHAN, "2020"),
        ),
    ),
    Made(
        "figures with signs of their own",
        """
开江县2020年人口
指标|数值
总人口|59.7万人
出生率|8.9‰
计划生育率|93.5%
""",
        (
            actual(597000, "人", "year_end_population", KAIJIANG, "asof:2020"), actual(8.9, "‰", "birth_rate", KAIJIANG, "2020"),
            actual(93.5, "%", "policy_compliant_birth_rate", KAIJIANG, "2020"),
        ),
    ),
)  # fmt: skip


def _spans(rows: list[list[str]], r: int, c: int) -> tuple[int, int]:
    """Rows and columns that a cell is merged over."""
    wide = high = 1
    while c + wide < len(rows[r]) and rows[r][c + wide] == "<":
        wide += 1
    while r + high < len(rows) and c < len(rows[r + high]) and rows[r + high][c] == "^":
        high += 1
    return high, wide


def _own(cell: str) -> str:
    return "" if cell in ("<", "^") else cell


def as_csv(made: Made) -> bytes:
    out = io.StringIO()
    width = max(map(len, made.rows))
    csv.writer(out).writerows([[_own(c) for c in row] + [""] * (width - len(row)) for row in made.rows])
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(made: Made) -> bytes:
    """Numbers as numbers, shares in cells formatted as percent, merged cells merged."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        percent, permille = book.add_format({"num_format": "0.00%"}), book.add_format({"num_format": '0.0"‰"'})
        sheet = book.add_worksheet("Sheet1")
        for r, row in enumerate(made.rows):
            for c, cell in enumerate(row):
                high, wide = _spans(made.rows, r, c)
                plain = cell.replace(",", "")
                if cell in ("<", "^", ""):
                    continue
                if high * wide > 1:
                    sheet.merge_range(r, c, r + high - 1, c + wide - 1, cell)
                elif plain.replace(".", "", 1).lstrip("-").isdigit():
                    sheet.write_number(r, c, float(plain))
                elif plain[:-1].replace(".", "", 1).isdigit() and plain[-1] in "%‰":
                    share = plain[-1] == "%"
                    sheet.write_number(r, c, float(plain[:-1]) / (100 if share else 1), percent if share else permille)
                else:
                    sheet.write_string(r, c, cell)
    return out.getvalue()


def _parts(made: Made) -> tuple[list[str], list[list[str]], list[str]]:
    """Lines above the table, its rows, lines below it."""
    rows = made.rows
    first = next(n for n, row in enumerate(rows) if len(row) > 1)
    last = max(n for n, row in enumerate(rows) if len(row) > 1)
    return [row[0] for row in rows[:first]], rows[first : last + 1], [row[0] for row in rows[last + 1 :]]


def as_docx(made: Made) -> bytes:
    above, rows, below = _parts(made)
    document = docx.Document()
    for line in above:
        document.add_paragraph(line)
    table = document.add_table(len(rows), max(map(len, rows)))
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            high, wide = _spans(rows, r, c)
            if cell not in ("<", "^"):
                place = table.cell(r, c)
                if high * wide > 1:
                    place = place.merge(table.cell(r + high - 1, c + wide - 1))
                place.text = cell
    for line in below:
        document.add_paragraph(line)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def as_html(made: Made) -> bytes:
    """As Word saves a page: each cell's text in a paragraph of its own."""
    above, rows, below = _parts(made)
    body = "".join(f"<p>{html.escape(line)}</p>\n" for line in above) + "<table border=1>\n"
    for r, row in enumerate(rows):
        body += "<tr>\n"
        for c, cell in enumerate(row):
            high, wide = _spans(rows, r, c)
            if cell not in ("<", "^"):
                spans = (f' rowspan="{high}"' if high > 1 else "") + (f" colspan={wide}" if wide > 1 else "")
                body += f"  <td{spans}>\n<p class=x>{html.escape(cell)}</p></td>\n"
        body += "</tr>\n"
    body += "</table>\n" + "".join(f"<p>{html.escape(line)}</p>" for line in below)
    return f"<!DOCTYPE html><html><head><meta charset=utf-8></head><body>{body}</body></html>".encode()


FORMS: Mapping[str, Callable[[Made], bytes]] = {".csv": as_csv, ".xlsx": as_xlsx, ".docx": as_docx, ".html": as_html}
