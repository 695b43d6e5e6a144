"""Tables of indicators in every format: what a cell's column, row and table say, and no more than they say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_tables import FORMS, MADE, Made

from pipelines.documents.model import DocumentError
from pipelines.documents.read import read
from pipelines.extraction import tables
from pipelines.extraction.document import extract_document, extract_records
from pipelines.extraction.mentions import find_mentions
from pipelines.extraction.tables import find_tables, overlay


def figures(path: Path) -> list[dict[str, Any]]:
    return [r for r in extract_records(path) if r["class"] in ("indicator", "norm")]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("made", MADE, ids=lambda made: made.name)
def test_made_tables(made: Made, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"table{form}"
    path.write_bytes(FORMS[form](made))
    found = figures(path)
    assert [
        (r["value"], r["unit"], r["indicator_id"], r["kind"], r["scope"], r["place_code"], r["period"]) for r in found
    ] == list(made.says)
    text = read(path).text
    for record in found:
        assert text[record["start"] : record["end"]] == record["raw"]
        assert ("no_unit" in record["flags"]) == (record["unit"] is None)
        assert ("unknown_year" in record["flags"]) == (record["period"] is None)


def test_a_table_without_a_year_takes_none_from_the_table_before(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text(
        "开江县2019年情况\n指标,2019年\n出生率(‰),9.1\n\n宣汉县情况\n指标,数值\n出生率(‰),9.4\n开江县2021年情况\n指标,2020年\n死亡率(‰),6.1\n",
        encoding="utf-8",
    )
    assert [(r["value"], r["period"]) for r in figures(path)] == [(9.1, "2019"), (9.4, None), (6.1, "2020")]


_TOWNS = "镇　　　人口数（人）　比重（%）\n凤鸣镇　98213　23.79\n蔡家坡镇　131706　31.90\n"


@pytest.mark.parametrize(
    ("head", "period"),
    [
        ("根据普查结果，现将2020年11月1日零时全县常住人口主要数据公布如下：\n比2010年增加。\n", "asof:2020-11-01"),
        ("岐山县2020年国民经济和社会发展统计公报\n比2010年增加，2015年不变。\n", "asof:2020"),
        ("岐山县2020年情况\n比2010年增加，2015年不变。\n", None),
    ],
)
def test_a_table_takes_the_moment_of_counting_or_the_year_of_a_bulletins_title(
    head: str, period: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "t.txt"
    path.write_text(f"{head}分镇常住人口\n{_TOWNS}", encoding="utf-8")
    people = [r for r in figures(path) if r["unit"] == "人"]
    assert [r["period"] for r in people] == [period, period]


def test_a_share_is_no_growth(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text(f"2020年\n分镇常住人口\n{_TOWNS}", encoding="utf-8")
    assert {r["kind"] for r in figures(path)} == {"actual"}


def test_two_years_that_differ_are_none(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("年份,指标,2019年,2020年\n2019,出生率(‰),9.1,9.0\n", encoding="utf-8")
    assert [(r["value"], r["period"], r["flags"]) for r in figures(path)] == [
        (9.1, "2019", []), (9.0, None, ["unknown_year"]),
    ]  # fmt: skip


def test_a_caption_holds_for_its_own_table_only(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "2020年人口（单位：万人）\n县,总人口\n开江县,59.7\n\n2020年企业\n县,总人口,个体户数\n开江县,59.7,12\n",
        encoding="utf-8",
    )
    assert [(r["value"], r["unit"]) for r in figures(path)] == [(597000, "人"), (59.7, None), (12, None)]


def test_lists_that_are_no_tables_of_figures_give_none(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("姓名,电话,房号\n张三,13800001111,204\n李四,13800001112,1305\n", encoding="utf-8")
    assert not any(r["unit"] or r["indicator_id"] for r in figures(path))


def test_shares_of_an_old_workbook(tmp_path: Path) -> None:
    """A share is stored as 0.935 and shown as 93.5%; .xls and .xlsx give the same."""
    legacy = Path(__file__).with_name("shares.xls")
    assert [(r["raw"], r["value"], r["unit"], r["indicator_id"], r["period"]) for r in figures(legacy)] == [
        ("59.7", 597000, "人", "year_end_population", "asof:2020"), ("93.5%", 93.5, "%", "policy_compliant_birth_rate", "2020"),
    ]  # fmt: skip


def test_a_long_page_laid_out_by_a_table_stays_prose(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(
        "<html><body><table><tr><td>菜单</td><td><p>开江县2020年工作总结</p><p>2020年，全县出生率8.9‰。</p><p>总人口59.7万人。</p>"
        "</td></tr></table></body></html>",
        encoding="utf-8",
    )
    assert [(r["value"], r["sentence"]) for r in figures(path)] == [
        (8.9, "2020年，全县出生率8.9‰。"), (597000, "总人口59.7万人。"),
    ]  # fmt: skip


def test_heads_that_lost_their_places_settle_nothing(tmp_path: Path) -> None:
    """Copied from Word, merged heads leave no empty cells: 92.5 would be of 2021."""
    path = tmp_path / "t.txt"
    path.write_text(
        "地区\t2020年\t2021年\n\t出生率(‰)\t计生率(%)\t出生率(‰)\t计生率(%)\n开江县\t9.1\t92.5\t8.8\t93.1\n",
        encoding="utf-8",
    )
    records = extract_records(path)
    assert len(records) == 6 and all(r["value"] is None and r["class"] != "indicator" for r in records)


PIECES = (
    "指标", "地区", "年份", "单位", "出生率(‰)", "总人口（万人）", "合计", "其中：男", "开江县", "任市镇", "2018年", "2019", "2020", "9.1", "1,234.5", "-", "…",
    "93.5%", "万人", "‰", "(人)", "比上年增长%", "上年同期", "2021年1-6月", "65岁及以上", "注：见表1", "单位：万人、‰", "", "", "", "3*", "一、人口", "1", "2", "3", "12.3①",
    "8.1-8.3", "约13", "2020年2019年", "2,018",
)  # fmt: skip


@given(
    st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), min_size=1, max_size=9), st.sampled_from("\t ")
)
def test_laws_of_any_table(rows: list[list[str]], mark: str) -> None:
    """Every digit in exactly one mention, mentions in order, figures where they stand, a flag for what is not told."""
    text = "\n".join(mark.join(row) for row in rows) + "\n"
    found = find_tables(text)
    mentions = overlay(find_mentions(text), found)
    position = 0
    for m in mentions:
        assert m.start >= position and text[m.start : m.end] == m.text
        position = m.end
    covered = {i for m in mentions for i in range(m.start, m.end)}
    assert all(i in covered for i, c in enumerate(text) if c.isdigit() and c.isascii())
    for cell in found.cells:
        assert cell.mention.value is not None
        assert ("no_unit" in cell.flags) == (cell.mention.unit is None)
        assert ("unknown_year" in cell.flags) == (cell.period is None)


def test_a_large_table_takes_linear_time(tmp_path: Path) -> None:
    import time

    def seconds(rows: int) -> float:
        text = "地区\t2018年\t2019年\n" + "出生率（‰）\t9.1\t9.2\n" * rows
        began = time.process_time()
        assert len(find_tables(text).cells) == 2 * rows
        return time.process_time() - began

    seconds(100)
    assert min(seconds(8000) for _ in range(2)) < 24 * max(seconds(1000), 0.02)


@pytest.mark.slow
def test_tables_of_an_old_word_file(tmp_path: Path) -> None:
    """Made by LibreOffice and read by what is installed: what its cells say, or one sentence, never numbers run together."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    for n, made in enumerate(MADE):
        (tmp_path / f"{n}.docx").write_bytes(FORMS[".docx"](made))
    subprocess.run(
        [office, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "doc:MS Word 97",
         "--outdir", str(tmp_path), *(str(tmp_path / f"{n}.docx") for n in range(len(MADE)))],
        capture_output=True, check=False, timeout=300,
    )  # fmt: skip
    if not (tmp_path / "0.doc").exists():
        pytest.skip("LibreOffice is installed without its writer")
    read_right = 0
    for n, made in enumerate(MADE[:4]):
        try:
            found = figures(tmp_path / f"{n}.doc")
        except DocumentError as error:
            assert "lost the borders" in error.message
            continue
        assert [(r["value"], r["unit"], r["period"]) for r in found] == [(s[0], s[1], s[6]) for s in made.says]
        read_right += 1
    assert read_right > 0


def test_records_and_rows_agree(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    path.write_bytes(FORMS[".xlsx"](MADE[2]))
    rows = extract_document(path, path.name, "d").observations
    assert [(o["raw"], o["value"], o["unit"]) for o in rows] == [
        (r["raw"], r["value"], r["unit"]) for r in figures(path)
    ]


@given(st.text(alphabet="县a1 　\n\t\xa0\x0b\r", max_size=40))
def test_words_set_apart_are_found_by_line_as_in_the_text(text: str) -> None:
    assert tables._words_apart(text) == (tables._THREE_WORDS.search(text) is not None)
