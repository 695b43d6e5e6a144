"""Workbooks and CSV files: the warehouse's rows with names, sentences and evidence joined, for spreadsheets.

No figure is drawn and no number calculated here; the exact tables are in `package`.
"""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import xlsxwriter  # type: ignore[import-untyped, unused-ignore]

from pipelines.briefing.common import moment, stable_zip, write
from pipelines.charts import WarehouseLike, evidence_link
from pipelines.charts.theme import clean
from pipelines.warehouse.schema import BY_NAME

SHEETS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "data",
        "series",
        (
            "place_code", "place", "indicator_id", "indicator_zh", "indicator_en", "basis", "scope", "period_kind",
            "period", "year", "value", "value_lo", "value_hi", "unit", "status", "n_sources", "conflict", "flags",
            "observation_id", "sentence", "evidence",
        ),
    ),
    (
        "targets",
        "targets",
        (
            "target_id", "place_code", "place_name", "indicator_id", "indicator", "scope", "period", "value", "unit",
            "relation", "set_by", "tone", "reading", "reading_confidence", "alternative_value", "robust", "flags",
            "sentence", "evidence",
        ),
    ),
    (
        "gaps",
        "target_gaps",
        (
            "place_code", "place_name", "indicator_id", "indicator", "period", "period_kind", "target_period", "value",
            "target", "unit", "relation", "gap", "gap_lo", "gap_hi", "gap_label", "attainment", "ceiling_use",
            "elapsed_share", "pace", "gap_to_date", "room_for_rest", "annualised_value", "annualised_lo",
            "annualised_hi", "status", "progress_class", "reading", "alternative_target", "alternative_gap", "robust",
            "confidence", "flags", "observation_id", "evidence",
        ),
    ),
    (
        "growth",
        "growth_rates",
        (
            "place_code", "place", "indicator_id", "indicator_zh", "indicator_en", "basis", "scope", "period",
            "prior_period", "n_years", "value", "prior_value", "unit", "abs_change", "abs_change_lo", "abs_change_hi",
            "growth", "growth_lo", "growth_hi", "cagr", "beyond_rounding", "reason", "flags", "observation_id",
            "evidence",
        ),
    ),
    (
        "sources",
        "documents",
        (
            "doc_id", "title", "publisher", "published_on", "source_url", "path", "media_type", "status", "sha256",
            "page",
        ),
    ),
)  # fmt: skip
"""Sheet, table it comes from, columns."""

SHARES = {"growth", "growth_lo", "growth_hi", "cagr", "attainment", "ceiling_use", "elapsed_share", "pace"}
CELL_LIMIT = 32_000
ROW_LIMIT = 1_048_570
LINK_LIMIT = 30_000
"""Rows of a sheet with live links; Excel allows 65,530 a sheet, the addresses of later rows stay text."""


def rows_for(warehouse: WarehouseLike, sheet: str) -> pl.DataFrame:
    """The rows of one sheet: the table with names, sentences and evidence addresses joined to it; lists as text."""
    table, columns = next((t, c) for s, t, c in SHEETS if s == sheet)
    frame = warehouse.table(table)
    indicators = warehouse.table("indicators").select(
        "indicator_id", indicator_zh="name_zh", indicator_en="name_en"
    )  # fmt: skip
    places = warehouse.table("places").select("place_code", place="full_name_zh")
    seen = warehouse.table("observations").select("observation_id", obs_doc="doc_id", obs_sentence="sentence")
    if table in ("series", "growth_rates"):
        frame = frame.join(indicators, on="indicator_id", how="left", maintain_order="left")
        frame = frame.join(places, on="place_code", how="left", maintain_order="left")
    if table == "targets":
        frame = frame.with_columns(observation_id=pl.col("target_id").str.strip_prefix("target:"))
    if "observation_id" in frame.columns:
        frame = frame.join(
            seen.unique("observation_id", keep="first"), on="observation_id", how="left", maintain_order="left"
        )
        if table == "series":
            frame = frame.with_columns(sentence=pl.col("obs_sentence"))
        pairs = frame.select("obs_doc", "observation_id").iter_rows()
        frame = frame.with_columns(evidence=pl.Series([evidence_link(d, o) for d, o in pairs], dtype=pl.String))
    if table == "documents":
        frame = frame.with_columns(
            page=pl.Series([evidence_link(d, "top").split("#")[0] for d in frame["doc_id"]], dtype=pl.String)
        )
    lists = [c for c, t in frame.schema.items() if isinstance(t, pl.List)]
    frame = frame.with_columns(pl.col(c).list.eval(pl.element().cast(pl.String)).list.join(", ") for c in lists)
    order = [c for c in ("place_code", "indicator_id", "basis", "scope", "period_kind", "period", "observation_id", "doc_id") if c in frame.columns]  # fmt: skip
    return frame.sort(order, nulls_last=True, maintain_order=True).select(columns)


def workbook(warehouse: WarehouseLike, path: Path) -> Path:
    """An XLSX file: data, targets, gaps, growth, sources. First line: source and vintage; second: headers, frozen.
    Text stays text: nothing in a document becomes a formula or a link of its own."""
    when = moment(str(warehouse.vintage or ""))
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "nan_inf_to_errors": False,
        },
    )
    book.set_properties({"title": "Xianzhi", "created": when.replace(tzinfo=None)})
    font = {"font_name": "Microsoft YaHei", "font_size": 10}
    head = book.add_format(
        {**font, "bold": True, "bg_color": "#E6F0F7", "bottom": 1, "text_wrap": True, "valign": "top"}
    )
    text = book.add_format({**font, "valign": "top", "num_format": "@"})
    note = book.add_format({**font, "italic": True, "font_color": "#5B6670"})
    plain = book.add_format({**font, "num_format": "#,##0.####", "valign": "top"})
    whole = book.add_format({**font, "num_format": "0", "valign": "top"})
    share = book.add_format({**font, "num_format": "0.00%", "valign": "top"})
    link = book.add_format({**font, "font_color": "#005A8C", "underline": 1, "valign": "top"})
    for name, table, columns in SHEETS:
        frame = rows_for(warehouse, name).head(ROW_LIMIT)
        sheet = book.add_worksheet(name)
        sheet.write_string(
            0, 0, f"来源：见 sources 表与 evidence 列；数据版本 {clean(warehouse.vintage)} · Source: sheet sources and column "
            f"evidence; data vintage {clean(warehouse.vintage)} · {BY_NAME[table].comment}", note,
        )  # fmt: skip
        for j, column in enumerate(columns):
            sheet.write_string(1, j, column, head)
            meaning = next((c.comment for c in BY_NAME[table].columns if c.name == column), "")
            if meaning:
                sheet.write_comment(1, j, meaning)
            wide = 48 if column in ("sentence", "source_url", "path") else 24 if column in ("title", "place", "evidence", "observation_id", "target_id", "indicator_en") else 13  # fmt: skip
            sheet.set_column(j, j, wide)
        for i, row in enumerate(frame.iter_rows(), start=2):
            for j, (column, value) in enumerate(zip(columns, row, strict=True)):
                if value is None:
                    continue
                if isinstance(value, bool):
                    sheet.write_boolean(i, j, value, text)
                elif isinstance(value, int):
                    sheet.write_number(i, j, value, whole)
                elif isinstance(value, float):
                    sheet.write_number(i, j, value, share if column in SHARES else plain)
                elif column in ("evidence", "page") and value and i < LINK_LIMIT:
                    sheet.write_url(i, j, f"external:{value}", link, value)
                else:
                    sheet.write_string(i, j, clean(value)[:CELL_LIMIT], text)
        sheet.freeze_panes(2, 2)
        sheet.autofilter(1, 0, max(1, frame.height + 1), len(columns) - 1)
        sheet.repeat_rows(0, 1)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
    book.close()
    return write(path, stable_zip(buffer.getvalue(), when))


def guard(frame: pl.DataFrame) -> pl.DataFrame:
    """Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers are left alone."""
    texts = [c for c, t in frame.schema.items() if t == pl.String]
    return frame.with_columns(
        pl.when(pl.col(c).str.contains(r"^[=+\-@\t\r]")).then(pl.lit("'") + pl.col(c)).otherwise(pl.col(c)).alias(c)
        for c in texts
    )


def csv_files(warehouse: WarehouseLike, out_dir: Path) -> list[Path]:
    """A CSV per sheet, UTF-8 with a byte order mark so that spreadsheets show Chinese; formulas are disarmed."""
    files = []
    for name, _, _ in SHEETS:
        frame = guard(rows_for(warehouse, name))
        files.append(write(out_dir / f"{name}.csv", ("\ufeff" + frame.write_csv()).encode("utf-8")))
    return files
