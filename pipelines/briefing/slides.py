"""Slides: native, editable charts and tables, with the evidence in the speaker notes.

Needs no browser. Which places and indicators are shown is decided in `export`.
"""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION, XL_MARKER_STYLE, XL_TICK_LABEL_POSITION
from pptx.enum.dml import MSO_LINE
from pptx.enum.text import MSO_ANCHOR
from pptx.oxml.ns import qn
from pptx.util import Emu, Inches, Pt

from pipelines.briefing.common import moment, stable_zip, write
from pipelines.charts import Context
from pipelines.charts.theme import (
    BAD,
    CYCLE,
    INK,
    MUTED,
    Lang,
    clean,
    difference,
    number,
    period_name,
    quantity,
    scale,
    word,
)
from pipelines.charts.trend import HOLLOW, is_break, same_points

LATIN, EAST_ASIAN = "Arial", "Microsoft YaHei"
MARKERS = (
    XL_MARKER_STYLE.CIRCLE,
    XL_MARKER_STYLE.SQUARE,
    XL_MARKER_STYLE.TRIANGLE,
    XL_MARKER_STYLE.DIAMOND,
    XL_MARKER_STYLE.X,
    XL_MARKER_STYLE.STAR,
)
DASHES = (
    MSO_LINE.SOLID,
    MSO_LINE.DASH,
    MSO_LINE.ROUND_DOT,
    MSO_LINE.DASH_DOT,
    MSO_LINE.LONG_DASH,
    MSO_LINE.LONG_DASH_DOT,
)
"""Marker and dash of the nth series, so that print without colours tells them apart."""


def _rgb(color: str) -> Any:
    return RGBColor.from_string(color.lstrip("#"))  # type: ignore[no-untyped-call]


def _pale(color: str) -> str:
    """The colour mixed with white: a hollow point shows also where a program draws no outline."""
    return "#" + "".join(f"{(int(color[i : i + 2], 16) + 2 * 255) // 3:02X}" for i in (1, 3, 5))


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


@dataclass(frozen=True, slots=True)
class _Line:
    """One native series: points that may be joined, or hollow ones that may not; `named` where it bears the label."""

    name: str
    label: str
    nth: int
    rows: Sequence[dict[str, Any]]
    hollow: bool
    named: bool


def _lines(rows: Sequence[dict[str, Any]], lang: Lang) -> list[_Line]:
    """Series of a line chart: a label's stated points, cut at flagged breaks, and its hollow points apart. Labels whose
    points are all equal to another's share its line."""
    by_label = {label: [r for r in rows if r["label"] == label] for label in dict.fromkeys(r["label"] for r in rows)}
    drawn: dict[str, list[dict[str, Any]]] = {}
    for label, own in sorted(by_label.items(), key=lambda item: -len(item[1])):
        twin = next((known for known, others in drawn.items() if same_points(own, others)), None)
        if twin is None:
            drawn[label] = own
        else:
            drawn = {f"{k} = {label}" if k == twin else k: v for k, v in drawn.items()}
    lines: list[_Line] = []
    for nth, (label, points) in enumerate(list(drawn.items())[: len(CYCLE)]):
        own = sorted(points, key=lambda r: r["year"])
        stretches: list[list[dict[str, Any]]] = []
        for r in (r for r in own if r["status"] not in HOLLOW):
            if not stretches or is_break(r):
                stretches.append([])
            stretches[-1].append(r)
        for i, stretch in enumerate(stretches):
            name = label if i == 0 else f"{label} ({word('break', lang)} {stretch[0]['year']})"
            lines.append(_Line(name, label, nth, stretch, False, i == len(stretches) - 1))
        hollow = [r for r in own if r["status"] in HOLLOW]
        if hollow:
            lines.append(_Line(f"{label} ({word('implied_status', lang)})", label, nth, hollow, True, not stretches))
    return lines


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
        head.text_frame.vertical_anchor = MSO_ANCHOR.TOP
        self._write(head.text_frame, title, 24, INK, bold=True)
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
                f"{period_name(r['period'], self.lang)}: {quantity(r['value'], r['unit'], self.lang)} — {self.ctx.sentence(o)} "
                f"[{self.ctx.document(o)}; {o}; {self.ctx.link(o)}]"
            )
        return lines

    def trend(self, title: str, subtitle: str, rows: Sequence[dict[str, Any]]) -> None:
        """A native line chart; `rows`: points of one or more series (key `label`). Missing years stay gaps, a line ends
        at a flagged break, values that are not stated for their year are hollow and not joined; the last value of each
        line is labelled."""
        self.ctx.load(r["observation_id"] for r in rows)
        divisor, unit = scale([r["value"] for r in rows], rows[0]["unit"], self.lang)
        slide = self._slide(
            title, " · ".join(x for x in (subtitle, unit) if x), self._footer([r["observation_id"] for r in rows]), self._notes(rows)
        )  # fmt: skip
        years = list(range(min(r["year"] for r in rows), max(r["year"] for r in rows) + 1))
        lines = _lines(rows, self.lang)
        data = CategoryChartData()  # type: ignore[no-untyped-call]
        data.categories = [str(y) for y in years]
        for line in lines:
            points = {r["year"]: r["value"] / divisor for r in line.rows}
            data.add_series(clean(line.name), [points.get(y) for y in years])  # type: ignore[no-untyped-call]
        frame = slide.shapes.add_chart(
            XL_CHART_TYPE.LINE_MARKERS, Inches(0.5), Inches(1.65), Inches(12.3), Inches(5.2), data
        )
        chart = frame.chart
        chart.has_legend = chart.has_title = False
        chart.font.size = Pt(14)
        self._axes(chart, unit, skip=-(-len(years) // 14))
        for line, series in zip(lines, chart.plots[0].series, strict=True):
            color = _rgb(CYCLE[line.nth])
            series.smooth = False
            series.marker.style, series.marker.size = MARKERS[line.nth], 8
            series.marker.format.fill.solid()
            series.marker.format.fill.fore_color.rgb = _rgb(_pale(CYCLE[line.nth])) if line.hollow else color
            series.marker.format.line.color.rgb = color
            if line.hollow:
                series.format.line.fill.background()
            else:
                series.format.line.color.rgb, series.format.line.width = color, Pt(2.5)
                series.format.line.dash_style = DASHES[line.nth]
            if line.named:
                last = line.rows[-1]
                label = series.points[years.index(last["year"])].data_label
                falls = len(line.rows) > 1 and line.rows[-2]["value"] > last["value"]
                label.position = XL_LABEL_POSITION.BELOW if falls else XL_LABEL_POSITION.ABOVE
                text = number(last["value"] / divisor)
                self._write(
                    label.text_frame, f"{line.label} {text}" if len(lines) > 1 else text, 14, CYCLE[line.nth], True
                )
                label.text_frame.word_wrap = False

    @staticmethod
    def _axes(chart: Any, unit: str, skip: int = 1) -> None:
        """Quiet grid, level labels below the plot, the unit as the title of the value axis."""
        values, categories = chart.value_axis, chart.category_axis
        values.major_gridlines.format.line.color.rgb = _rgb("#E3E7EB")
        values.format.line.fill.background()
        values.tick_labels.number_format, values.tick_labels.number_format_is_linked = "#,##0.##", False
        values.has_title = bool(unit)
        if unit:
            values.axis_title.text_frame.text = clean(unit)
        categories.tick_label_position = XL_TICK_LABEL_POSITION.LOW
        categories.format.line.color.rgb = _rgb("#B6BEC6")
        categories.tick_labels.font.size = Pt(13)
        body = categories._element.find(qn("c:txPr")).find(qn("a:bodyPr"))
        body.set("rot", "0")
        body.set("vert", "horz")
        if skip > 1:
            axis = categories._element
            for tag in ("c:tickLblSkip", "c:tickMarkSkip"):
                mark = axis.makeelement(qn(tag), {"val": str(skip)})
                axis.find(qn("c:noMultiLvlLbl")).addprevious(mark)

    def shares(self, title: str, subtitle: str, gaps: pl.DataFrame) -> None:
        """A native bar chart: values as a share of their targets, bars from 100; what a row needs stands in its label."""
        rows = [r for r in gaps.iter_rows(named=True) if r["target"] and r["value"] is not None][:12]
        if not rows:
            return
        self.ctx.load(r["observation_id"] for r in rows)
        slide = self._slide(title, subtitle, self._footer([r["observation_id"] for r in rows]), self._notes(rows))
        data = CategoryChartData()  # type: ignore[no-untyped-call]
        data.categories = [self._goal(r) for r in reversed(rows)]
        data.add_series(word("share_of_target", self.lang), [100 * r["value"] / r["target"] for r in reversed(rows)])  # type: ignore[no-untyped-call]
        frame = slide.shapes.add_chart(XL_CHART_TYPE.BAR_CLUSTERED, Inches(0.5), Inches(1.65), Inches(12.3), Inches(5.2), data)  # fmt: skip
        chart = frame.chart
        chart.has_legend = chart.has_title = False
        chart.font.size = Pt(14)
        self._axes(chart, word("share_of_target", self.lang))
        chart.value_axis.minimum_scale = 0
        # the axis of the bars stands at the target: left of it is under, right of it is over
        chart.value_axis.crosses_at = 100
        plot = chart.plots[0]
        plot.gap_width = 60
        for i, r in enumerate(reversed(rows)):
            point = plot.series[0].points[i]
            point.format.fill.solid()
            point.format.fill.fore_color.rgb = _rgb(BAD if r["status"] in ("missed", "behind_pace") else CYCLE[0])
            self._write(point.data_label.text_frame, word(r["status"], self.lang), 13, INK)
            point.data_label.position = XL_LABEL_POSITION.OUTSIDE_END

    def _goal(self, r: dict[str, Any]) -> str:
        """Indicator, and which side of what is good: 出生率（上限 ≤10.66‰）."""
        kinds = {"at_most": ("ceiling", "≤"), "at_least": ("floor", "≥")}
        kind, sign = kinds.get(r["relation"], ("equal", "="))
        name = clean(html.unescape(self.ctx.indicator(r["indicator_id"], r["indicator"])))
        goal = f"{word(kind, self.lang)} {sign}{quantity(r['target'], r['unit'], self.lang)}"
        return f"{name}\n{goal} · {period_name(r['period'], self.lang)}"

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
                        period_name(r["period"], self.lang),
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
                    cell.fill.solid()
                    cell.fill.fore_color.rgb = _rgb(CYCLE[0] if i == 0 else "#F3F5F7" if i % 2 == 0 else "#FFFFFF")
                    self._write(cell.text_frame, text, 13, "#FFFFFF" if i == 0 else BAD if bad else INK, bold=i == 0)
                    link = self.ctx.link(part[i - 1]["observation_id"]) if i > 0 and j == 2 else ""
                    if link:
                        cell.text_frame.paragraphs[0].runs[0].hyperlink.address = link

    def title(self, heading: str, lines: Sequence[str]) -> None:
        """The first slide: what the deck is about, in a few lines."""
        slide = self._slide(heading, "", self._footer([]), [])
        slide.shapes.title.top = Inches(2.2)
        self._write(slide.shapes.title.text_frame, heading, 36, INK, bold=True)
        box = slide.shapes.add_textbox(Inches(0.5), Inches(3.3), Inches(12.3), Inches(2.5))
        for i, line in enumerate(lines):
            paragraph = box.text_frame.paragraphs[0] if i == 0 else box.text_frame.add_paragraph()
            run = paragraph.add_run()
            run.text, run.font.size = clean(line), Pt(18)
            run.font.color.rgb = _rgb(MUTED)
        box.text_frame.word_wrap = True

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
