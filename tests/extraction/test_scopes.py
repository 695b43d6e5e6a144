"""Figures of a township are not the county's."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.extraction.document import extract_records


def scopes(tmp_path: Path, text: str) -> dict[str, str | None]:
    path = tmp_path / "report.txt"
    path.write_text(text, encoding="utf8")
    return {r["raw"]: r["scope"] for r in extract_records(path) if r["class"] in ("indicator", "norm")}


def test_the_report_of_a_township(tmp_path: Path) -> None:
    text = "利川市忠路镇2012年工作总结\n2012年，财政收入1260万元。全镇新农合参合率96.5%。全市平均为97.1%。\n"
    found = scopes(tmp_path, text)
    assert (found["1260万元"], found["96.5%"], found["97.1%"]) == ("忠路镇", "忠路镇", "全市")


@pytest.mark.parametrize(
    ("text", "raw", "scope"),
    [
        ("其中敖山镇最高，为95.2%。", "95.2%", "敖山镇"),
        ("敖山镇出生120人。", "120人", "敖山镇"),
        ("敖山镇等5个乡镇发放补助30万元。", "30万元", None),
        ("在敖山镇新建幼儿园3所。", "3所", None),
        ("17个乡镇发放补助30万元。", "30万元", None),
    ],
)
def test_the_township_a_clause_opens_with(tmp_path: Path, text: str, raw: str, scope: str | None) -> None:
    assert scopes(tmp_path, "上高县2013年工作通报\n" + text + "\n")[raw] == scope
