"""A small constructed warehouse for tests: no place, value or sentence in it is real (codes 99xxxx exist nowhere)."""

from __future__ import annotations

import hashlib
from typing import Any

import polars as pl

from pipelines.charts import Frames
from pipelines.warehouse.schema import BY_NAME, SCHEMA_VERSION

PLACES = [
    ("990001", "甲县", "Test County A"),
    ("990002", "乙区", "Test District B"),
    ("990003", "丙旗", "Test Banner C"),
]
INDICATORS = [
    ("birth_rate", "Birth rate", "出生率", "‰", "ceiling"),
    ("natural_growth_rate", "Natural growth rate", "自然增长率", "‰", "ceiling"),
    ("policy_compliant_birth_rate", "Policy-compliant birth rate", "政策生育率", "%", "floor"),
    ("resident_population", "Resident population", "常住人口", "人", "none"),
    ("gdp", "Gross domestic product", "地区生产总值", "元", "none"),
]
DOCS = {"990001": "0123456789ab", "990002": "123456789abc", "990003": "23456789abcd"}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>&lt;b&gt; %{x} $\\frac12$ =1+1"


def row(table: str, **values: Any) -> dict[str, Any]:
    """A row of the table with plausible fillers in required columns."""
    out: dict[str, Any] = {}
    for c in BY_NAME[table].columns:
        filler: Any = None
        if c.required:
            filler = {pl.String: "", pl.Int64: 0, pl.Float64: 1.0}.get(c.dtype, [])
        out[c.name] = values.pop(c.name, filler)
    assert not values, values
    return out


def frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame in the table's schema."""
    return pl.DataFrame(rows, schema=BY_NAME[table].schema, orient="row")


def text_of(code: str) -> str:
    """The constructed document of a place."""
    name = {c: n for c, n, _ in PLACES}[code]
    lines = [f"{name}工作总结（构造文本，仅供测试）", HOSTILE]
    for year in range(2005, 2013):
        lines.append(f"{year}年全{name[-1]}出生率为{_value(code, 'birth_rate', year)}‰，一切数字均为虚构。")
    lines.append("2012年第一季度出生率为1.7‰，一切数字均为虚构。")
    return "\n".join(lines) + "\n"


def _value(code: str, indicator: str, year: int) -> float:
    k, t = int(code[-1]), year - 2005
    return {
        "birth_rate": round(9.4 - 0.35 * t + 0.9 * k + (0.4 if t % 3 == 0 else 0), 2),
        "natural_growth_rate": round(4.1 - 0.2 * t + 0.3 * k, 2),
        "policy_compliant_birth_rate": round(91 + 0.6 * t + 0.5 * k, 2),
        "resident_population": float(412000 + 3100 * t * k + 90000 * k),
        "gdp": round(4.2e9 * k * 1.11**t, -6),
    }[indicator]


def synthetic(hostile: bool = False) -> Frames:
    """Three places, five indicators, eight years with gaps, a break, an implied and a year-to-date point."""
    series, observations, growth, mentions = [], [], [], []
    units = {i[0]: i[3] for i in INDICATORS}
    for code, name, _ in PLACES:
        text = text_of(code)
        for indicator, _, name_zh, unit, _ in INDICATORS:
            previous = None
            for year in range(2005, 2013):
                if (indicator == "gdp" and code == "990003") or (year == 2008 and code == "990002"):
                    previous = None
                    continue
                value = _value(code, indicator, year)
                if indicator == "birth_rate":
                    raw = f"{value}‰"
                    start = text.index(f"{year}年全") + len(f"{year}年全{name[-1]}出生率为")
                    observation_id = f"{DOCS[code]}:{start}-{start + len(raw)}"
                    end = start + len(raw)
                else:
                    start, end = 10_000 + len(observations) * 10, 10_000 + len(observations) * 10 + 5
                    raw, observation_id = str(value), f"{DOCS[code]}:{start}-{end}"
                status = "implied" if year == 2006 and indicator == "birth_rate" else "reported"
                sentence = HOSTILE if hostile else f"{year}年{name_zh}为{value}{unit}，一切数字均为虚构。"
                observations.append(
                    row("observations", observation_id=observation_id, doc_id=DOCS[code], start_char=start,
                        end_char=end, raw=raw, sentence=sentence, **{"class": "indicator"}, indicator=name_zh,
                        indicator_id=indicator, value=value, unit=unit, kind="actual", approx="exact",
                        place_code=code, place_name=name, basis="常住", period=str(year), period_kind="annual",
                        status="reported", source_kind="document", source_rank=1, rule="test")
                )  # fmt: skip
                mentions.append(
                    row(
                        "mentions", doc_id=DOCS[code], start_char=start, end_char=end, raw=raw, **{"class": "indicator"}
                    )
                )
                wide = 0.06 if year < 2009 else 0.0
                series.append(
                    row("series", place_code=code, indicator_id=indicator, basis="常住", period_kind="annual",
                        period=str(year), year=year, value=value, value_lo=value * (1 - wide),
                        value_hi=value * (1 + wide), unit=unit, status=status, observation_id=observation_id,
                        n_sources=2 if year in (2009, 2010) else 1, conflict="minor" if year == 2010 else None,
                        flags=["break_definition"] if year == 2010 and indicator == "birth_rate" else [])
                )  # fmt: skip
                if previous is not None:
                    delta = value - previous[1]
                    growth.append(
                        row("growth_rates", place_code=code, indicator_id=indicator, basis="常住",
                            period_kind="annual", period=str(year), prior_period=str(year - 1), n_years=1, value=value,
                            prior_value=previous[1], unit=unit, abs_change=delta, abs_change_lo=delta - 0.1,
                            abs_change_hi=delta + 0.1, growth=value / previous[1] - 1, beyond_rounding=abs(delta) > 0.1,
                            observation_id=observation_id, prior_observation_id=previous[0])
                    )  # fmt: skip
                previous = (observation_id, value)
    a = [o for o in observations if o["place_code"] == "990001"]
    ytd = dict(a[7])
    text = text_of("990001")
    start = text.index("季度出生率为") + len("季度出生率为")
    ytd.update(
        observation_id=f"{DOCS['990001']}:{start}-{start + 4}", start_char=start, end_char=start + 4, raw="1.7‰",
        value=1.7, period="2012-Q1", period_kind="ytd",
    )  # fmt: skip
    observations.append(ytd)
    series.append(
        row("series", place_code="990001", indicator_id="birth_rate", basis="常住", period_kind="ytd", period="2012-Q1",
            year=2012, value=1.7, value_lo=1.695, value_hi=1.705, unit="‰", status="reported",
            observation_id=ytd["observation_id"], n_sources=1)
    )  # fmt: skip
    targets, gaps = [], []
    cases = [
        (
            "birth_rate",
            ytd["observation_id"],
            "2012-Q1",
            "ytd",
            1.7,
            10.5,
            "at_most",
            8.8,
            "headroom",
            "on_pace_robust",
        ),
        ("natural_growth_rate", a[15]["observation_id"], "2012", "annual", 4.6, 4.2, "at_most", -0.4, "gap", "missed"),
        (
            "policy_compliant_birth_rate",
            a[23]["observation_id"],
            "2012",
            "annual",
            95.7,
            90.2,
            "at_least",
            5.5,
            "gap",
            "met",
        ),
        ("gdp", a[39]["observation_id"], "2012", "annual", 8.7e9, 9.5e9, "at_least", -0.8e9, "gap", "missed"),
    ]
    for indicator, observation_id, period, kind, value, target, relation, gap, label, status in cases:
        targets.append(
            row("targets", target_id=f"target:{observation_id}", doc_id=DOCS["990001"], place_code="990001",
                place_name="甲县", indicator_id=indicator, indicator=indicator, period=period[:4], value=target,
                unit=units[indicator], relation=relation, reading="level", reading_confidence="high",
                observation_ids=[observation_id], sentence="构造的目标句。")
        )  # fmt: skip
        early = kind == "ytd"
        gaps.append(
            row("target_gaps", target_id=f"target:{observation_id}", observation_id=observation_id,
                place_code="990001", place_name="甲县", indicator_id=indicator, indicator=indicator, period=period,
                period_kind=kind, target_period=period[:4], value=value, target=target, unit=units[indicator],
                relation=relation, gap=gap, gap_label=label, elapsed_share=0.25 if early else 1.0,
                pace=0.65 if early else None, annualised_value=6.8 if early else None,
                annualised_lo=5.9 if early else None, annualised_hi=8.0 if early else None, status=status,
                reading="level", alternative_target=12.2 if early else None, robust=True, confidence="low")
        )  # fmt: skip
    checks = [
        row("checks", check_id=f"c{i}", kind=kind, subject=f"构造的核对 {i}", place_code="990001", period="2012", verdict=v)
        for i, (kind, v) in enumerate(
            [("parts", "exact")] * 7 + [("parts", "fails")] + [("rate", "rounding")] * 5 + [("rate", "loose")]
            + [("births", "undecided")] * 2 + [("slip", "flag")] + [("per_head", "exact")] * 2
        )
    ]  # fmt: skip
    documents = [
        row("documents", doc_id=d, path=f"documents/{d}.txt", sha256=hashlib.sha256(text_of(c).encode()).hexdigest(), title=f"{n}工作总结（构造）", publisher="测试",
            n_chars=len(text_of(c)), n_mentions=8, status="ok", source_url="https://example.org/?a=1&b=<2>")
        for (c, n, _), d in zip(PLACES, DOCS.values(), strict=True)
    ]  # fmt: skip
    return Frames(
        {
            "documents": frame("documents", documents),
            "sections": frame("sections", [row("sections", doc_id=d, end_char=10**6) for d in DOCS.values()]),
            "mentions": frame("mentions", mentions),
            "observations": frame("observations", observations),
            "indicators": frame(
                "indicators",
                [row("indicators", indicator_id=i, name_en=e, name_zh=z, topic="test", unit=u, measure_type="rate:flow",
                     polarity=p, definition="constructed") for i, e, z, u, p in INDICATORS],
            ),  # fmt: skip
            "places": frame(
                "places",
                [row("places", place_code=c, name_zh=z, full_name_zh="测试省" + z, name_en=e, level="county") for c, z, e in PLACES],
            ),
            "targets": frame("targets", targets),
            "series": frame("series", series),
            "growth_rates": frame("growth_rates", growth),
            "target_gaps": frame("target_gaps", gaps),
            "checks": frame("checks", checks),
            "publications": frame("publications", [row("publications", vintage="20000101T000000Z", schema_version=SCHEMA_VERSION)]),
        },
        vintage="20000101T000000Z",
    )  # fmt: skip
