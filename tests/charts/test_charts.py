"""Figures from tiny frames: honest lines, no NaN, nothing in a document becomes markup."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic_warehouse import HOSTILE, frame, row, synthetic

from pipelines import charts
from pipelines.charts import theme
from pipelines.charts.trend import spread
from pipelines.warehouse.schema import empty

DRAWN = {
    "trend": ("series", charts.trend),
    "small_multiples": ("series", charts.small_multiples),
    "coverage": ("series", charts.coverage),
    "target_gap": ("target_gaps", charts.target_gap),
    "growth": ("growth_rates", charts.growth),
    "reconciliation": ("checks", charts.reconciliation),
    "slope": ("series", charts.slope),
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


def test_points_equal_on_two_bases_are_drawn_as_rings_not_over_each_other() -> None:
    twice = pl.concat([points(2001, 2002, 2003), points(2001, 2002).with_columns(basis=pl.lit("户籍"))])
    data = spec(charts.trend(twice))["data"]
    assert [t["name"] for t in data].count("line") == 1
    assert sorted(t["marker"]["symbol"] for t in data if t["name"] == "solid") == ["circle", "circle-open"]


def test_lines_differ_without_colour() -> None:
    data = pl.concat(
        [points(2001, 2002).with_columns(place_code=pl.lit(c), value=pl.col("value") + i) for i, c in enumerate("ABC")]
    )
    traces = spec(charts.trend(data))["data"]
    assert len({t["line"]["dash"] for t in traces if t["name"] == "line"}) == 3
    assert len({t["marker"]["symbol"] for t in traces if t["name"] == "solid"}) == 3


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(0, 100), min_size=1, max_size=12))
def test_spread_labels_keep_their_order_and_distance(levels: list[float]) -> None:
    out = spread(levels, 5.0)
    placed = sorted(zip(levels, out, strict=True))
    assert all(b[1] - a[1] >= 5.0 - 1e-6 for a, b in itertools.pairwise(sorted(placed, key=lambda p: p[1])))
    assert all(b[1] >= a[1] for a, b in itertools.pairwise(placed) if b[0] > a[0])
    assert sum(out) == pytest.approx(sum(levels)), "a stack stays centred on its ends"
    assert min(spread(levels, 5.0, 100.0, 0.0)) >= 0


def test_slope_joins_the_two_years_most_places_have_and_dots_a_break() -> None:
    rows = pl.concat([
        points(2001, 2005, 2006).with_columns(place_code=pl.lit("A")),
        points(2001, 2005).with_columns(place_code=pl.lit("B"), value=pl.col("value") * 2, flags=pl.Series([[], ["break_basis"]])),
    ])  # fmt: skip
    data = [t for t in spec(charts.slope(rows, lang="en"))["data"] if t["name"] == "slope"]
    assert [(t["y"], t["line"]["dash"]) for t in data] == [([2.0, 10.0], "dot"), ([1.0, 5.0], "solid")]
    chosen = charts.slope(rows, start=2005, end=2006, lang="en")
    assert (
        spec(chosen)["data"][0]["y"] == [5.0, 6.0] and "no data" in texts(charts.slope(rows, start=1990, lang="en"))[0]
    )


def test_growth_of_one_series_keeps_its_years_apart() -> None:
    rows = [
        row("growth_rates", place_code="990001", indicator_id="gdp", basis=b, period_kind="annual", period=str(y), prior_period=str(y - 1),
            value=10.0, unit="元", growth=0.1, observation_id=f"o{y}{b}")
        for y, b in ((2001, ""), (2002, ""), (2004, ""), (2004, "x"))
    ]  # fmt: skip
    assert spec(charts.growth(frame("growth_rates", rows)))["data"][0]["x"] == [2001, 2002, 2004]


def test_failed_checks_are_ranked_by_their_distance_from_holding() -> None:
    rows = [
        row("checks", check_id=f"c{i}", kind="parts", subject=f"s{i}", place_code="990001", period=str(2000 + i), verdict="fails",
            difference=d, tolerance=0.5, found=d, expected=0.0, proposal="p", observation_ids=["0123456789ab:1-2"])
        for i, d in enumerate((1.0, -50.0, 5.0, 0.0))
    ]  # fmt: skip
    rows.append(dict(rows[0], check_id="c9", observation_ids=["0123456789ab:7-9"]))
    fig = charts.reconciliation(frame("checks", rows), lang="en")
    trace = next(t for t in spec(fig)["data"] if t["name"] == "failure")
    assert trace["x"] == [100.0, 10.0, 2.0] and trace["customdata"][0][0].startswith("evidence/")
    assert "proposal (never applied): p" in trace["hovertext"][0]


@pytest.mark.parametrize(
    ("period", "zh", "en"),
    [
        ("2011", "2011", "2011"), ("????", "年份不明", "year not stated"), ("2011-Q1", "2011年第一季度", "Q1 2011"),
        ("????-Q1", "年份不明，第一季度", "Q1, year not stated"), ("2020-H1", "2020年上半年", "first half of 2020"),
        ("2020-01..2020-06", "2020年1—6月", "Jan–Jun 2020"), ("2019-11", "2019年11月", "Nov 2019"),
        ("asof:2011-06", "2011年6月末", "end of Jun 2011"), ("asof:2010", "2010年末", "end of 2010"),
        ("1958..1961", "1958—1961年", "1958–1961"), ("2019/2020", "2019/2020", "2019/2020"), (None, "年份不明", "year not stated"),
    ],
)  # fmt: skip
def test_periods_read_well(period: str | None, zh: str, en: str) -> None:
    assert (theme.period_name(period, "zh"), theme.period_name(period, "en")) == (zh, en)


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


def test_listings_read_well_and_hold_no_markup_of_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = synthetic(hostile=True)
    tables = {**warehouse.tables, "places": warehouse.tables["places"].with_columns(name_zh=pl.lit(HOSTILE))}
    hostile = charts.Frames(tables, vintage="20000101T000000Z")
    frame = hostile.table("target_gaps").with_columns(indicator=pl.lit(HOSTILE))
    shown = charts.listing(frame, hostile, limit=2)
    assert "<script" not in shown.html and "<img" not in shown.html and "另有 2 项未列出" in shown.html
    assert "2012年第一季度" in shown.html and "进度稳妥" in shown.html and shown.frame.equals(frame)
    assert 'title="positive: met with room to spare' in shown.html, "a heading bears the meaning of its column"
    figure = charts.trend(hostile, indicator="birth_rate", place="990001")
    told = charts.evidence(figure, hostile)
    assert "<script" not in told.html and "<a " not in told.html, "no link where no pages are"
    assert told.frame["observation_id"].to_list() == figure.layout.meta["observations"]
    monkeypatch.setenv("XIANZHI_EVIDENCE", "../")
    assert 'href="../evidence/0123456789ab.html#0123456789ab:' in charts.evidence(figure, hostile).html
    assert (
        "<mark>7.85‰</mark>"
        in charts.evidence(charts.trend(synthetic(), indicator="birth_rate", place="990001"), synthetic()).html
    )
    assert "没有数据" in charts.evidence(charts.trend(charts.Frames()), charts.Frames()).html
