"""Slides: native, editable charts and tables, with the evidence in the speaker notes.

Needs no browser. Which places and indicators are shown is decided in `export`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION, XL_MARKER_STYLE
from pptx.oxml.ns import qn
from pptx.util import Emu, Inches, Pt

from pipelines.briefing.common import moment, stable_zip, write
from pipelines.charts import Context
from pipelines.charts.theme import BAD, CYCLE, INK, MUTED, Lang, clean, difference, quantity, scale, word

LATIN, EAST_ASIAN = "Arial", "Microsoft YaHei"


def _rgb(color: str) -> Any:
    return RGBColor.from_string(color.lstrip("#"))  # type: ignore[no-untyped-call]


def _fonts(element: Any) -> None:
    """Latin and East Asian font on every run, so that Chinese does not fall back to a serif face."""
    for props in element.iter(qn("a:rPr"), qn("a:defRPr"), qn("a:endParaRPr")):
        for tag, face in (("a:latin", LATIN), ("a:ea", EAST_ASIAN)):
            found = props.find(qn(tag))
            if found is None:
                found = props.makeelement(qn(tag), {})
                after = [props.find(qn(t)) for t in ("a:hlinkClick", "a:cs", "a:sym")]
                place = next((x for x in after if x is not None), None)
                if place is None:
                    props.append(found)
                else:
                    place.addprevious(found)
            found.set("typeface", face)


class Deck:
    """A presentation under construction; `save` writes it with fixed dates."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.lang: Lang = ctx.lang
        self._deck = Presentation()
        self._deck.slide_width, self._deck.slide_height = Inches(13.333), Inches(7.5)
        self._blank = self._deck.slide_layouts[5]

    def _slide(self, title: str, subtitle: str, footer: str, notes: Sequence[str]) -> Any:
        slide: Any = self._deck.slides.add_slide(self._blank)
        head = slide.shapes.title
        head.left, head.top, head.width, head.height = Inches(0.5), Inches(0.3), Inches(12.3), Inches(0.9)
        self._write(head.text_frame, title, 26, INK, bold=True)
        for text, top, size in ((subtitle, 1.15, 14), (footer, 6.95, 11)):
            box = slide.shapes.add_textbox(Inches(0.5), Inches(top), Inches(12.3), Inches(0.4))
            self._write(box.text_frame, text, size, MUTED)
        slide.notes_slide.notes_text_frame.text = "\n".join(clean(n) for n in notes if n)
        return slide

    @staticmethod
    def _write(frame: Any, text: str, size: int, color: str, bold: bool = False) -> None:
        frame.word_wrap = True
        frame.text = clean(text)
        for paragraph in frame.paragraphs:
            paragraph.alignment = 1
            for run in paragraph.runs:
                run.font.size, run.font.bold = Pt(size), bold
                run.font.color.rgb = _rgb(color)

    def _footer(self, ids: Sequence[str | None]) -> str:
        titles = list(dict.fromkeys(t for t in (self.ctx.document(i) for i in ids) if t))
        sep = "：" if self.lang == "zh" else ": "
        parts = [f"{word('source', self.lang)}{sep}{'; '.join(titles[:2])}"] if titles else []
        parts.append(f"{word('vintage', self.lang)}{sep}{self.ctx.vintage or '–'}")
        return " · ".join(parts)

    def _notes(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        lines = [word("evidence", self.lang)]
        for r in rows[:40]:
            o = r["observation_id"]
            lines.append(
                f"{r['period']}: {quantity(r['value'], r['unit'], self.lang)} — {self.ctx.sentence(o)} "
                f"[{self.ctx.document(o)}; {o}; {self.ctx.link(o)}]"
            )
        return lines

    def trend(self, title: str, subtitle: str, rows: Sequence[dict[str, Any]]) -> None:
        """A native line chart; `rows`: points of one or more series (key `label`), missing years stay gaps."""
        self.ctx.load(r["observation_id"] for r in rows)
        slide = self._slide(title, subtitle, self._footer([r["observation_id"] for r in rows]), self._notes(rows))
        years = list(range(min(r["year"] for r in rows), max(r["year"] for r in rows) + 1))
        divisor, unit = scale([r["value"] for r in rows], rows[0]["unit"], self.lang)
        data = CategoryChartData()  # type: ignore[no-untyped-call]
        data.categories = [str(y) for y in years]
        labels = list(dict.fromkeys(r["label"] for r in rows))[: len(CYCLE)]
        for label in labels:
            points = {r["year"]: r["value"] / divisor for r in rows if r["label"] == label}
            data.add_series(clean(label), [points.get(y) for y in years])  # type: ignore[no-untyped-call]
        frame = slide.shapes.add_chart(
            XL_CHART_TYPE.LINE_MARKERS, Inches(0.5), Inches(1.65), Inches(12.3), Inches(5.2), data
        )
        chart = frame.chart
        chart.has_legend = len(labels) > 1
        if len(labels) > 1:
            chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
        chart.font.size = Pt(14)
        chart.has_title = False
        axis = chart.value_axis
        axis.major_gridlines.format.line.color.rgb = _rgb("#E3E7EB")
        axis.has_title = bool(unit)
        if unit:
            axis.axis_title.text_frame.text = clean(unit)
        axis.tick_labels.number_format, axis.tick_labels.number_format_is_linked = "#,##0.##", False
        for i, series in enumerate(chart.plots[0].series):
            series.smooth = False
            series.format.line.color.rgb = _rgb(CYCLE[i])
            series.format.line.width = Pt(2.5)
            series.marker.style, series.marker.size = XL_MARKER_STYLE.CIRCLE, 8
            series.marker.format.fill.solid()
            series.marker.format.fill.fore_color.rgb = _rgb(CYCLE[i])

    def gaps(self, title: str, subtitle: str, gaps: pl.DataFrame) -> None:
        """Tables of values against targets, twelve rows a slide."""
        rows = list(gaps.iter_rows(named=True))
        self.ctx.load(r["observation_id"] for r in rows)
        zh = self.lang == "zh"
        head = ["指标", "时期", "数值", "目标", "差距", "状态"] if zh else ["Indicator", "Period", "Value", "Target", "Gap", "Status"]  # fmt: skip
        for at in range(0, len(rows), 12):
            part = rows[at : at + 12]
            slide = self._slide(title, subtitle, self._footer([r["observation_id"] for r in part]), self._notes(part))
            shape = slide.shapes.add_table(
                len(part) + 1, len(head), Inches(0.5), Inches(1.65), Inches(12.3), Inches(0.4 * (len(part) + 1))
            )
            table = shape.table
            for j, width in enumerate((3.4, 1.5, 1.9, 1.9, 1.9, 1.7)):
                table.columns[j].width = Emu(int(Inches(width)))
            lines = [head]
            for r in part:
                sign = {"at_most": "≤ ", "at_least": "≥ "}.get(r["relation"], "")
                name = self.ctx.indicator(r["indicator_id"], r["indicator"])
                lines.append(
                    [
                        name,
                        r["period"] or "–",
                        quantity(r["value"], r["unit"], self.lang),
                        sign + quantity(r["target"], r["unit"], self.lang),
                        difference(r["gap"], r["unit"], self.lang),
                        word(r["status"], self.lang),
                    ]
                )
            for i, line in enumerate(lines):
                for j, text in enumerate(line):
                    bad = i > 0 and j >= 4 and part[i - 1]["status"] in ("missed", "behind_pace")
                    cell = table.cell(i, j)
                    self._write(cell.text_frame, text, 13, "#FFFFFF" if i == 0 else BAD if bad else INK, bold=i == 0)

    def title(self, heading: str, subtitle: str) -> None:
        """The first slide."""
        slide = self._slide(heading, subtitle, self._footer([]), [])
        slide.shapes.title.top = Inches(2.6)
        list(slide.shapes)[1].top = Inches(3.6)

    def save(self, path: Path) -> Path:
        """Writes the file: equal content, equal bytes."""
        when = moment(self.ctx.vintage)
        for slide in self._deck.slides:
            _fonts(slide._element)
            for shape in slide.shapes:
                if shape.has_chart:
                    space: Any = shape.chart._chartSpace
                    _fonts(space)
            if slide.has_notes_slide:
                _fonts(slide.notes_slide._element)
        properties = self._deck.core_properties
        properties.title, properties.author = "Xianzhi", ""
        properties.created = properties.modified = when.replace(tzinfo=None)
        buffer = io.BytesIO()
        self._deck.save(buffer)
        return write(path, stable_zip(buffer.getvalue(), when))
