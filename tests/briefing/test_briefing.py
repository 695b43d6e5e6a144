"""Outputs for readers: pages without network, safe text, workbooks and slides with the right content."""

from __future__ import annotations

import hashlib
import html
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pdfplumber
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pptx import Presentation
from pptx.enum.chart import XL_CHART_TYPE
from synthetic_warehouse import HOSTILE

from pipelines.briefing import pictures
from pipelines.briefing.evidence import mark_text
from pipelines.briefing.export import export
from pipelines.briefing.tables import guard, rows_for, workbook
from pipelines.charts import Frames
from pipelines.documents.model import Edit
from pipelines.warehouse.schema import BY_NAME, empty

NO_BROWSER = ("html", "xlsx", "csv", "pptx")


class Tags(HTMLParser):
    """Collects tags with their attributes, ids and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_pages_need_no_network_and_link_to_each_other(warehouse: Frames, raw_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = export(warehouse, out, ("html",), raw_dir=raw_dir)
    assert report.skipped == [] and all(f.is_file() for f in report.files)
    ids: dict[Path, set[str]] = {}
    pages = {f: Tags(f.read_text(encoding="utf-8")) for f in report.files if f.suffix == ".html"}
    for f, p in pages.items():
        ids[f.resolve()] = {a["id"] or "" for _, a in p.tags if "id" in a}
        policy = next(a["content"] or "" for t, a in p.tags if t == "meta" and "http-equiv" in a)
        assert "default-src 'none'" in policy and "unsafe-eval" not in policy and "script-src 'unsafe" not in policy
    for f, p in pages.items():
        for tag, a in p.tags:
            assert not any(k.startswith("on") for k in a), (f, tag, a)
            if tag in ("script", "img", "link", "iframe") and a.get("src"):
                assert a["src"] in ("plotly.min.js", "../plotly.min.js")
            target = a.get("href") or ""
            if target and not target.startswith(("http", "#")):
                name, _, anchor = target.partition("#")
                file = (f.parent / name).resolve()
                assert file in ids, (f, target)
                if anchor.startswith("at="):
                    assert f'data-o="{anchor[3:]}"' in file.read_text(encoding="utf-8").replace("'", '"'), (f, target)
                elif anchor:
                    assert anchor in ids[file], (f, target)
    evidence = (out / "evidence" / "0123456789ab.html").read_text(encoding="utf-8")
    assert "<script" not in evidence and "script-src 'none'" in evidence
    assert evidence.count('<mark class="indicator" id=') >= 8
    assert "../charts/trend_990001_birth_rate_zh.html#at=" in evidence
    chart = (out / "charts" / "trend_990001_birth_rate_zh.html").read_text(encoding="utf-8")
    assert "<script>alert" not in chart and "onerror=alert(2)>" not in chart


def test_marks_keep_the_text_and_escape_it() -> None:
    text = f"甲 1.5% {HOSTILE} 乙\r\n\x00 2%"
    at = text.index("1.5%")
    marks: list[dict[str, Any]] = [
        {"start_char": at, "end_char": at + 4, "class": "indicator", "observation_id": 'a"><b:1-2', "title": HOSTILE},
        {"start_char": at + 1, "end_char": at + 9, "class": "<i>", "observation_id": "late:3-4", "title": None},
        {"start_char": 9_000, "end_char": 9_001, "class": "norm", "observation_id": "out:9-9", "title": None},
    ]
    tags = Tags(mark_text(text, marks, {}))
    assert {t for t, _ in tags.tags} == {"mark", "span"}
    assert [a.get("id") for _, a in tags.tags] == ['a"><b:1-2', "late:3-4"]


def test_repairs_stand_beside_what_was_found_even_across_a_mark() -> None:
    text = "總人?cè)?5萬(wàn)人<b>，計(jì)生"
    at = text.index("?cè)?5")
    repairs = [
        Edit(at, at + 5, "口約", "lost_byte", certain=False, candidates=("口共",), number_risk=True),
        Edit(at + 6, at + 12, "", "annotation"),
        Edit(len(text), len(text), "<i>", "unexplained"),
    ]
    marks = [
        {"start_char": at + 3, "end_char": text.index("，"), "class": "indicator", "observation_id": None, "title": ""}
    ]
    shown = mark_text(text, marks, {}, repairs)
    assert "<b>" not in shown and "<i>" not in shown and "口約 / 口共?" in shown and "a digit may be lost" in shown
    assert "<del>?cè</del><mark" in shown and "<del>)?</del>" in shown
    kept = re.sub(r"<ins.*?</ins>", "", shown)
    assert html.unescape(re.sub(r"<[^>]*>", "", kept)) == text, "without the repairs the text is as found"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="甲1<&?)è。\n", min_size=1, max_size=40), st.data())
def test_marks_and_repairs_never_change_the_text(text: str, data: st.DataObject) -> None:
    span = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(sorted)
    repairs = [Edit(a, b, "x<y", "lost_byte", certain=False) for a, b in data.draw(st.lists(span, max_size=4))]
    marks = [
        {"start_char": a, "end_char": b, "class": "norm", "observation_id": f"o{i}", "title": ""}
        for i, (a, b) in enumerate(data.draw(st.lists(span, max_size=4)))
    ]  # fmt: skip
    shown = mark_text(text, marks, {}, repairs)
    kept = re.sub(r"<ins.*?</ins>", "", shown)
    assert html.unescape(re.sub(r"<[^>]*>", "", kept)) == text
    assert shown.count("<ins") == len(repairs)


def test_a_file_that_was_changed_since_is_not_marked(warehouse: Frames, raw_dir: Path, tmp_path: Path) -> None:
    (raw_dir / "documents" / "0123456789ab.txt").write_text("改动", encoding="utf-8")
    export(warehouse, tmp_path, ("html",), place="990001", raw_dir=raw_dir)
    shown = (tmp_path / "evidence" / "0123456789ab.html").read_text(encoding="utf-8")
    assert "was changed since" in shown and "<tr id=" in shown and "改动</div>" not in shown


def test_evidence_without_the_raw_folder_lists_sentences(warehouse: Frames, tmp_path: Path) -> None:
    export(warehouse, tmp_path, ("html",), place="990002")
    pages = sorted(p.name for p in (tmp_path / "evidence").iterdir())
    assert pages == ["123456789abc.html"]
    assert '<tr id="123456789abc:' in (tmp_path / "evidence" / pages[0]).read_text(encoding="utf-8")


def test_workbook_holds_the_rows_and_no_formula(warehouse: Frames, tmp_path: Path) -> None:
    import fastexcel

    path = workbook(warehouse, tmp_path / "x.xlsx")
    book = fastexcel.read_excel(path)
    assert book.sheet_names == ["data", "targets", "gaps", "growth", "sources"]
    data = book.load_sheet("data", header_row=1).to_polars()
    assert data.height == warehouse.table("series").height
    assert data["value"].to_list() == pytest.approx(rows_for(warehouse, "data")["value"].to_list())
    assert data["evidence"][0].startswith("evidence/")
    import zipfile

    with zipfile.ZipFile(path) as z:
        sheets = [z.read(n).decode() for n in z.namelist() if n.startswith("xl/worksheets/sheet")]
    assert all("<f>" not in s and 'state="frozen"' in s for s in sheets)
    first = hashlib.sha256(path.read_bytes()).hexdigest()
    assert hashlib.sha256(workbook(warehouse, tmp_path / "y.xlsx").read_bytes()).hexdigest() == first


def test_csv_disarms_formulas() -> None:
    frame = guard(pl.DataFrame({"t": ["=1+1", "@x", "-1.3%", "甲", None], "v": [-1.0, 2.0, 3.0, 4.0, None]}))
    assert frame["t"].to_list() == ["'=1+1", "'@x", "'-1.3%", "甲", None] and frame["v"][0] == -1.0


def test_slides_are_native_with_evidence_in_the_notes(warehouse: Frames, tmp_path: Path) -> None:
    export(warehouse, tmp_path, ("pptx",), place="甲县")
    files = sorted(p for p in tmp_path.glob("*.pptx"))
    assert [p.name for p in files] == ["briefing_990001_en.pptx", "briefing_990001_zh.pptx"]
    deck = Presentation(str(files[1]))
    shapes = [(s, x) for s in deck.slides for x in s.shapes]
    plots = [x for _, x in shapes if x.has_chart]
    assert len(plots) == 6 and sum(x.has_table for _, x in shapes) == 1, "five trends and the shares of the targets"
    slide, trend = next(
        (s, x.chart) for s, x in shapes if x.has_chart and x.chart.chart_type == XL_CHART_TYPE.LINE_MARKERS
    )
    birth = {s.name: s for s in trend.plots[0].series}
    assert set(birth) == {"常住", "常住 (口径变动 2010)", "常住 (由变化推算)"}, (
        "a line ends at a break, implied values stand apart"
    )
    assert [v is None for v in birth["常住"].values] == [False, True] + [False] * 3 + [True] * 3
    shares = next(x.chart for _, x in shapes if x.has_chart and x.chart.chart_type == XL_CHART_TYPE.BAR_CLUSTERED)
    assert shares.value_axis.crosses_at == 100 and "上限 ≤10.5‰" in "".join(shares.plots[0].categories)
    links = [
        r.hyperlink.address
        for _, x in shapes
        if x.has_table
        for c in x.table.iter_cells()
        for r in c.text_frame.paragraphs[0].runs
    ]
    assert any((a or "").startswith("evidence/0123456789ab.html#") for a in links)
    assert "0123456789ab:" in slide.notes_slide.notes_text_frame.text
    xml = plots[0].chart._chartSpace.xml
    assert 'a:ea typeface="Microsoft YaHei"' in xml
    before = files[1].read_bytes()
    export(warehouse, tmp_path, ("pptx",), place="990001")
    assert files[1].read_bytes() == before


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) was not found: no picture of slides")
def test_an_office_program_shows_every_slide(warehouse: Frames, tmp_path: Path) -> None:
    export(warehouse, tmp_path, ("pptx",), place="990001")
    deck = tmp_path / "briefing_990001_zh.pptx"
    subprocess.run(
        ["soffice", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless", "--convert-to", "pdf",
         "--outdir", str(tmp_path), str(deck)], check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    with pdfplumber.open(deck.with_suffix(".pdf")) as pdf:
        assert len(pdf.pages) == len(Presentation(str(deck)).slides)
        text = "".join(page.extract_text() for page in pdf.pages)
        assert "甲县出生率下降" in text and "7.85" in text
        drawn = [len(page.curves) + len(page.lines) + len(page.rects) for page in pdf.pages[2:]]
        assert min(drawn) > 5, "charts are drawn"


def test_an_empty_warehouse_exports_without_fault(tmp_path: Path) -> None:
    report = export(Frames({n: empty(n) for n in BY_NAME}), tmp_path, NO_BROWSER)
    assert (tmp_path / "index.html").is_file() and report.skipped == []


def test_the_same_warehouse_gives_the_same_pages(warehouse: Frames, raw_dir: Path, tmp_path: Path) -> None:
    made = [export(warehouse, tmp_path / n, ("html", "csv"), place="990001", raw_dir=raw_dir).files for n in "ab"]
    assert len(made[0]) == len(made[1]) > 20
    for a, b in zip(*made, strict=True):
        assert a.read_bytes() == b.read_bytes(), a.name


def test_several_places_and_indicators_can_be_chosen(warehouse: Frames, tmp_path: Path) -> None:
    chosen = ["990001", "乙区"], ["birth_rate", "常住人口"]
    report = export(warehouse, tmp_path, ("html", "csv"), *chosen)
    made = {f.name for f in report.files if f.parent.name == "charts" and f.name.startswith("trend")}
    kept = {
        f"trend_{p}_{i}_{lang}.html"
        for p in ("990001", "990002")
        for i in ("birth_rate", "resident_population")
        for lang in ("zh", "en")
    }
    assert {n for n in made if n.endswith(".html")} == kept
    folder = next(f.parent for f in report.files if f.name == "data.csv")
    rows = pl.read_csv(folder / "data.csv", schema_overrides={"place_code": pl.String})
    assert set(rows["place_code"]) == {"990001", "990002"}
    assert set(rows["indicator_id"]) == {"birth_rate", "resident_population"}


def test_a_whole_export_leaves_no_page_of_an_earlier_one(
    warehouse: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "missing", lambda: "no pictures here")
    export(warehouse, tmp_path)
    own = tmp_path / "charts" / "my notes.txt"
    own.write_text("kept")
    fewer = Frames(
        {**warehouse.tables, "series": warehouse.table("series").filter(pl.col("place_code") == "990001")},
        "20000102T000000Z",
    )
    export(fewer, tmp_path, ("html",), place="990001")
    assert (tmp_path / "charts" / "trend_990002_birth_rate_zh.html").is_file(), "a chosen place leaves the others alone"
    export(fewer, tmp_path)
    assert not (tmp_path / "charts" / "trend_990002_birth_rate_zh.html").exists()
    assert (tmp_path / "charts" / "trend_990001_birth_rate_zh.html").is_file() and own.read_text() == "kept"


def test_wrong_choices_are_refused_in_one_sentence(warehouse: Frames, tmp_path: Path) -> None:
    for wrong in ({"formats": ["doc"]}, {"place": "无此县"}, {"indicator": "none_such"}):
        with pytest.raises(ValueError, match="unknown format|no place|no indicator"):
            export(warehouse, tmp_path, **wrong)  # type: ignore[arg-type]


def test_without_a_browser_one_line_says_what_to_install(
    warehouse: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "find_browser", lambda: None)
    monkeypatch.setattr(pictures, "has_chinese_font", lambda: False)
    report = export(warehouse, tmp_path, ("png",))
    assert report.files == [] and len(report.skipped) == 1
    assert "apt-get install -y chromium fontconfig fonts-noto-cjk" in report.skipped[0]


browser = pytest.mark.skipif(pictures.missing() is not None, reason=str(pictures.missing()))


@pytest.mark.browser
@browser
def test_pictures_are_made_in_one_call(warehouse: Frames, tmp_path: Path) -> None:
    report = export(warehouse, tmp_path, ("png", "svg", "pdf"), place="990001", indicator="birth_rate")
    kinds = [f.suffix for f in report.files]
    assert kinds.count(".png") == kinds.count(".svg") == kinds.count(".pdf") >= 4 and report.skipped == []
    svg = next(f for f in report.files if f.name == "trend_990001_birth_rate_zh.svg").read_text(encoding="utf-8")
    assert "甲县出生率" in svg
    assert all(f.stat().st_size > 2000 for f in report.files)
