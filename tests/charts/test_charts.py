"""Figures from tiny frames: honest lines, no NaN, nothing in a document becomes markup."""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl
import pytest
from synthetic_warehouse import HOSTILE, frame, row, synthetic

from pipelines import charts
from pipelines.charts import theme
from pipelines.warehouse.schema import empty

DRAWN = {
    "trend": ("series", charts.trend),
    "small_multiples": ("series", charts.small_multiples),
    "coverage": ("series", charts.coverage),
    "target_gap": ("target_gaps", charts.target_gap),
    "growth": ("growth_rates", charts.growth),
    "reconciliation": ("checks", charts.reconciliation),
}


def spec(fig: Any) -> dict[str, Any]:
    """The figure as JSON data; fails on NaN."""
    text = fig.to_json()
    assert "NaN" not in text and "Infinity" not in text
    return json.loads(text)


def texts(fig: Any) -> list[str]:
    """Every text a figure shows."""
    out: list[str] = []

    def walk(x: Any, key: str = "") -> None:
        if isinstance(x, dict):
            for k, v in x.items():
                if k not in ("template", "meta", "customdata"):
                    walk(v, k)
        elif isinstance(x, list):
            for v in x:
                walk(v, key)
        elif isinstance(x, str) and key in ("text", "hovertext", "ticktext", "name", "title"):
            out.append(x)

    walk(spec(fig))
    return out


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", DRAWN)
def test_every_chart_draws_in_both_languages(name: str, lang: Any) -> None:
    warehouse = synthetic()
    table, draw = DRAWN[name]
    from_warehouse = draw(warehouse, lang=lang)
    from_frame = draw(warehouse.table(table), warehouse=warehouse, lang=lang)
    assert spec(from_warehouse) == spec(from_frame)
    names = {a["name"] for a in spec(from_warehouse)["layout"]["annotations"] if "name" in a}
    assert names == {"title", "subtitle", "footer"}
    assert from_warehouse.layout.meta["chart"] == name
    joined = " ".join(texts(from_warehouse))
    assert "20000101T000000Z" in joined, "the vintage is in the footer"


@pytest.mark.parametrize("name", DRAWN)
def test_no_rows_say_no_data(name: str) -> None:
    table, draw = DRAWN[name]
    assert "no data" in texts(draw(empty(table), lang="en"))[0]
    assert any("没有数据" in t for t in texts(draw(charts.Frames(), lang="zh")))


def points(*years: int, **more: Any) -> pl.DataFrame:
    rows = [
        row("series", place_code="990001", indicator_id="x", basis="", period_kind="annual", period=str(y), year=y,
            value=float(y - 2000), unit="%", status="reported", observation_id=f"0123456789ab:{y}-{y + 1}", **more)
        for y in years
    ]  # fmt: skip
    return frame("series", rows)


def line(fig: Any) -> list[Any]:
    return next(t["x"] for t in spec(fig)["data"] if t.get("name") == "line")


def test_missing_years_are_not_joined() -> None:
    assert line(charts.trend(points(2001, 2002, 2004, 2005))) == [2001, 2002, None, 2004, 2005]


def test_a_break_ends_the_line_and_is_marked() -> None:
    data = pl.concat([points(2001, 2002), points(2003, 2004).with_columns(flags=pl.Series([["break_basis"], []]))])
    fig = charts.trend(data, lang="en")
    assert line(fig) == [2001, 2002, None, 2003, 2004]
    assert "break" in texts(fig)


def test_implied_and_year_to_date_points_are_hollow_and_not_joined() -> None:
    implied = points(2003).with_columns(status=pl.lit("implied"))
    ytd = points(2004).with_columns(period_kind=pl.lit("ytd"), period=pl.lit("2004-Q1"))
    fig = charts.trend(pl.concat([points(2001, 2002), implied, ytd]))
    data = spec(fig)["data"]
    assert line(fig) == [2001, 2002]
    for name in ("implied", "ytd"):
        assert next(t for t in data if t["name"] == name)["marker"]["color"] == theme.PAPER
    assert next(t for t in data if t["name"] == "ytd")["marker"]["symbol"] == "diamond"


def test_ribbon_is_what_the_wording_allows() -> None:
    data = points(2001, 2002).with_columns(value_lo=pl.col("value") - 0.5, value_hi=pl.col("value") + 0.5)
    trace = next(t for t in spec(charts.trend(data))["data"] if t["name"] == "interval")
    assert trace["y"] == [1.5, 2.5, 1.5, 0.5] and trace["fill"] == "toself"


def test_the_good_side_of_a_target_is_shown() -> None:
    fig = charts.target_gap(synthetic(), lang="en")
    shapes = [s for s in spec(fig)["layout"]["shapes"] if s["type"] == "rect"]
    ceilings = [s for s in shapes if s["x0"] == 0 and s["x1"] == 100]
    floors = [s for s in shapes if s["x0"] == 100 and s["x1"] > 100]
    assert len(ceilings) == 2 and len(floors) == 2
    symbols = [t["marker"]["symbol"] for t in spec(fig)["data"] if t["name"] == "direction"]
    assert sorted(symbols) == ["triangle-left"] * 2 + ["triangle-right"] * 2
    assert any("ceiling ≤10.5‰" in t for t in texts(fig))
    assert next(t for t in spec(fig)["data"] if t["name"] == "pace")["x"] == [25.0]


def test_growth_without_meaning_is_named_not_drawn() -> None:
    rows = [
        row("growth_rates", place_code="990001", indicator_id="gdp", period_kind="annual", period=str(y), prior_period=str(y - 1),
            value=10.0, unit="元", growth=g, reason=reason, observation_id="o")
        for y, g, reason in ((2001, None, "zero_base"), (2002, 0.125, None))
    ]  # fmt: skip
    fig = charts.growth(frame("growth_rates", rows), lang="en")
    assert spec(fig)["data"][0]["y"] == [None, 12.5]
    assert any("zero base" in t for t in texts(fig)) and any("+12.5" in t for t in texts(fig))


def test_points_lead_to_the_evidence() -> None:
    fig = charts.trend(synthetic(), indicator="birth_rate", place="990001")
    links = [c[0] for t in spec(fig)["data"] if "customdata" in t for c in t["customdata"]]
    assert len(links) == 9
    assert all(re.fullmatch(r"evidence/0123456789ab\.html#0123456789ab:\d+-\d+", x) for x in links)
    hover = next(t["hovertext"] for t in spec(fig)["data"] if t["name"] == "solid")
    assert "一切数字均为虚构" in hover[0].replace("<br>", "") and "常住" in hover[0]


ALLOWED = re.compile(r"</?(?:b|i|br)>|<span style='[a-z0-9:;#\-]*'>|</span>", re.I)


def test_document_text_never_becomes_markup() -> None:
    warehouse = synthetic(hostile=True)
    tables = dict(warehouse.tables)
    tables["indicators"] = tables["indicators"].with_columns(name_zh=pl.lit(HOSTILE), name_en=pl.lit(HOSTILE))
    tables["places"] = tables["places"].with_columns(name_zh=pl.lit(HOSTILE), name_en=pl.lit(HOSTILE))
    tables["documents"] = tables["documents"].with_columns(title=pl.lit(HOSTILE))
    tables["checks"] = tables["checks"].with_columns(subject=pl.lit(HOSTILE))
    tables["series"] = tables["series"].with_columns(basis=pl.lit(HOSTILE))
    hostile = charts.Frames(tables, vintage="20000101T000000Z")
    for _, draw in DRAWN.values():
        for text in texts(draw(hostile, title=HOSTILE)):
            rest = ALLOWED.sub("", text)
            assert "<" not in rest and "%{x}" not in rest, text
            assert "$" not in rest


@pytest.mark.parametrize(
    ("value", "unit", "lang", "shown"),
    [
        (8.2, "‰", "zh", "8.2‰"), (435000.0, "人", "zh", "43.5万人"), (435000.0, "人", "en", "435,000 persons"),
        (8.7e9, "元", "zh", "87亿元"), (8.7e9, "元", "en", "8,700 million yuan"), (-0.5, "%", "en", "−0.5%"),
        (0.0, "人", "zh", "0人"), (None, "人", "zh", "–"),
    ],
)  # fmt: skip
def test_quantities_read_well(value: float | None, unit: str, lang: Any, shown: str) -> None:
    assert theme.quantity(value, unit, lang) == shown


def test_page_names_are_safe() -> None:
    assert charts.page_name("0123456789ab") == "0123456789ab"
    assert re.fullmatch(r"[0-9a-f]{12}", charts.page_name("../../etc/passwd"))
    assert charts.evidence_link("series/a b.csv", 'x" onload="y').count('"') == 0
