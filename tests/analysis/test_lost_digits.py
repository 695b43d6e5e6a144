"""Digits that a copy lost: every candidate listed, and one proposed only where the document proves it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from analysis_tables import indicators, observation, observations

from pipelines.analysis.lost_digits import candidates, lost_digit_checks, lost_digits
from pipelines.documents.damage import damage
from pipelines.extraction.document import extract_document
from pipelines.warehouse.schema import SCHEMAS, conform

MARK = "\ufffd"


def damaged(
    observation_id: str, indicator: str, raw: str, sentence: str, unit: str = "人", **more: Any
) -> dict[str, Any]:
    return (
        observation(
            observation_id, None, None, unit, "2015", indicator=indicator, raw=raw, sentence=sentence, flags=["damaged"]
        )
        | {"values": [], "value_lo": None, "value_hi": None}
        | more
    )


def told(observation_id: str, indicator: str, value: float, half: float, sentence: str, **more: Any) -> dict[str, Any]:
    unit = more.pop("unit", "人")
    period = more.pop("period", "2015")
    return (
        observation(
            observation_id,
            None,
            value,
            unit,
            period,
            lo=value - half,
            hi=value + half,
            indicator=indicator,
            sentence=sentence,
        )
        | more
    )


def proposed(*rows: dict[str, Any]) -> dict[str, Any]:
    (row,) = lost_digits(observations(*rows), indicators()).to_dicts()
    return row


@pytest.mark.parametrize(
    ("sentence", "raw", "texts"),
    [
        (f"下拨{MARK}00万元。", "?lián)?00萬(wàn)元", [f"{d}00" for d in range(1, 10)]),
        (f"总人口{MARK}3.47亿", "?cè)丝?3.47億", [*(f"{d}3.47" for d in range(1, 10)), "3.47", "-3.47"]),
        (f"总人口{MARK}.{MARK}3万人", "?cè)丝?.3萬(wàn)人", [f"{d}.3" for d in range(10)]),
        (f"总人口{MARK},{MARK}300人", "?cè)丝?,300人", [*(f"{d},300" for d in range(1, 10)), "300"]),
        (f"总人口,{MARK}552,184人", "?cè)丝?,552,184人", [*(f"{d},552,184" for d in range(1, 10)), "552,184"]),
        (f"甲{MARK}5人，乙{MARK}5人", "?5人", [*(f"{d}5" for d in range(1, 10)), "5", "-5"]),
    ],
)
def test_candidates_are_what_the_bytes_allow(sentence, raw, texts):
    assert [c.text for c in candidates(sentence, raw)[1]] == texts


@pytest.mark.parametrize(
    ("sentence", "raw"),
    [("总人口13.47亿", "13.47億"), (f"投入{MARK}", "?"), (f"甲{MARK}5人，乙{MARK}5万人", "?5人"), ("", "")],
)
def test_no_candidates_where_no_digit_is_known_to_be_lost(sentence, raw):
    assert candidates(sentence, raw)[1] == []


def test_values_carry_the_scale_word_and_the_width_of_their_last_digit():
    first = candidates(f"总人口{MARK}3.47亿", "?3.47億")[1][0]
    assert (first.text, first.value) == ("13.47", 1_347_000_000)
    assert first.hi - first.lo == pytest.approx(1_000_000)


SUM = f"全县总人口{MARK}3.47万人，其中男性人口7.12万人，女性人口6.35万人。"


def test_a_whole_is_proposed_from_its_parts():
    row = proposed(
        damaged("w", "总人口", "?3.47萬人", SUM, start_char=1),
        told("m", "男性人口", 71200, 50, SUM, start_char=2),
        told("f", "女性人口", 63500, 50, SUM, start_char=3),
    )
    assert (row["proposal"], row["proposal_value"]) == ("13.47", 134_700)
    assert row["proof"] == "2 parts of 总人口"
    assert row["proof_ids"] == ["f", "m"]
    assert len(row["candidates"]) == 11


def test_a_part_is_proposed_from_the_whole_and_the_other_parts():
    sentence = f"全县总人口13.47万人，其中男性人口7.12万人，女性人口{MARK}.{MARK}35万人。"
    row = proposed(
        told("w", "总人口", 134700, 50, sentence, start_char=1),
        told("m", "男性人口", 71200, 50, sentence, start_char=2, links_rel=["part_of"], links_to=["w"]),
        damaged("f", "女性人口", "?.35萬人", sentence, start_char=3),
    )
    assert row["proposal"] == "6.35" and row["proof_ids"] == ["m", "w"]


def test_a_count_is_proposed_from_a_rate_and_the_other_count():
    sentence = f"应培训{MARK}50人，已培训225人，培训率90%。"
    row = proposed(
        damaged("d", "应培训", "?50人", sentence, links_rel=["denominator_of"], links_to=["r"]),
        told("n", "已培训", 225, 0, sentence, links_rel=["numerator_of"], links_to=["r"]),
        told("r", "培训率", 90, 0.5, sentence, unit="%"),
    )
    assert row["proposal"] == "250" and row["proof_ids"] == ["n", "r"]


def test_the_same_figure_told_again_is_a_proof():
    row = proposed(
        damaged("a", "总人口", "?3.47萬人", f"总人口{MARK}3.47万人。"),
        told("b", "总人口", 134712, 0, "总人口134712人。"),
    )
    assert row["proposal"] == "13.47" and row["proof"] == "总人口 told again" and row["proof_ids"] == ["b"]


def test_two_candidates_that_fit_are_no_proposal():
    sentence = f"应培训{MARK}0人，已培训8人，培训率约2成。"
    row = proposed(
        damaged("d", "应培训", "?0人", sentence, links_rel=["denominator_of"], links_to=["r"]),
        told("n", "已培训", 8, 0, sentence, links_rel=["numerator_of"], links_to=["r"]),
        told("r", "培训率", 20, 5, sentence, unit="%"),
    )
    assert row["proposal"] is None and row["proof"] is None and row["proof_ids"] == []


def test_proofs_that_contradict_one_another_are_no_proposal():
    row = proposed(
        damaged("w", "总人口", "?3.47萬人", SUM, start_char=1),
        told("m", "男性人口", 71200, 50, SUM, start_char=2),
        told("f", "女性人口", 63500, 50, SUM, start_char=3),
        told("again", "总人口", 234700, 50, "总人口23.47万人。"),
    )
    assert row["proposal"] is None


def test_another_year_or_place_proves_nothing():
    for more in ({"period": "2014"}, {"place_code": "330302"}, {"scope": "城区"}):
        row = proposed(
            damaged("a", "总人口", "?3.47萬人", f"总人口{MARK}3.47万人。"),
            told("b", "总人口", 134712, 0, "总人口134712人。", **more),
        )
        assert row["proposal"] is None, more


def test_the_value_of_the_observation_stays_empty_and_the_check_stays_undecided():
    table = observations(
        damaged("w", "总人口", "?3.47萬人", SUM, start_char=1),
        told("m", "男性人口", 71200, 50, SUM, start_char=2),
        told("f", "女性人口", 63500, 50, SUM, start_char=3),
    )
    (check,) = lost_digit_checks(table, indicators()).to_dicts()
    assert check["kind"] == "lost_digit" and check["verdict"] == "undecided"
    assert check["expected"] == 134_700 and check["found"] is None
    assert check["proposal"].startswith("only 13.47 of 13.47, 23.47")
    assert check["observation_ids"] == ["w", "f", "m"]
    assert table["value"].null_count() == 1


def test_a_damaged_report_from_file_to_proposal(tmp_path):
    head = "创建服务区，规划学校质量监测，发展农业产业经济，统计调查数据，重点工作进展顺利。\n"
    text = "甲县二〇一五年统计公报\n2015年末，全县总人口13.47万人，其中男性人口7.12万人，女性人口6.35万人。\n"
    path = tmp_path / "report.txt"
    path.write_text(damage(head + text + "2015年财政收入下拨500万元。"), encoding="utf-8")
    rows = extract_document(path, "report.txt", "d1").observations
    schema = SCHEMAS["observations"]
    table = conform("observations", pl.DataFrame([{"extractor_version": "test"} | r for r in rows], schema=schema))
    found = {r["indicator"]: r for r in lost_digits(table, indicators()).to_dicts()}
    assert found["总人口"]["proposal"] == "13.47" and found["总人口"]["proposal_value"] == 134_700
    assert found["财政收入下拨"]["proposal"] is None and len(found["财政收入下拨"]["candidates"]) == 9
    damaged_rows = table.filter(pl.col("observation_id").is_in([r["observation_id"] for r in found.values()]))
    assert damaged_rows["value"].null_count() == damaged_rows.height == 2


def test_documents_without_damage_have_no_rows():
    clean = observations(told("b", "总人口", 134712, 0, "总人口134712人。"))
    assert lost_digits(clean, indicators()).is_empty()
    assert lost_digit_checks(clean, indicators()).is_empty()
    assert lost_digits(clean.clear(), indicators()).is_empty()
