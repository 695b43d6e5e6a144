"""The shipped raw data: tables keep their schema, and every document says where its figures come from."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
RAW = ROOT / "data" / "raw"
TABLES = sorted((RAW / "series").glob("*.csv"))
DOCUMENTS = sorted(
    p for p in (RAW / "documents").rglob("*") if p.is_file() and p.suffix in {".txt", ".html", ".docx", ".pdf"}
)
COLUMNS = [
    "place_code",
    "place_name",
    "indicator_id",
    "indicator_zh",
    "period",
    "value",
    "unit",
    "basis",
    "kind",
    "source_title",
    "source_url",
    "note",
]
PERIOD = re.compile(r"\d{4}(-(H[12]|Q[1-4]|(0[1-9]|1[0-2])))?")
SIDECAR = {"title", "source_url", "publisher", "published_on", "place", "place_code", "year", "licence", "note"}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def all_rows() -> list[dict[str, str]]:
    return [row for path in TABLES for row in rows(path)]


def longest_run(years: set[int]) -> int:
    best = run = 1
    for before, after in pairwise(sorted(years)):
        run = run + 1 if after == before + 1 else 1
        best = max(best, run)
    return best


@pytest.mark.parametrize("path", TABLES, ids=lambda p: p.name)
def test_table_schema(path: Path) -> None:
    with (ROOT / "pipelines" / "catalogue" / "indicators.csv").open(encoding="utf-8-sig", newline="") as handle:
        known = {row["id"] for row in csv.DictReader(handle)}
    with path.open(encoding="utf-8", newline="") as handle:
        assert next(csv.reader(handle)) == COLUMNS
    assert path.stat().st_size < 300_000
    for number, row in enumerate(rows(path), start=2):
        where = f"{path.name}:{number}"
        assert re.fullmatch(r"\d{6}", row["place_code"]), where
        assert row["place_name"] and row["indicator_zh"] and row["unit"], where
        assert row["indicator_id"] in known, f"{where}: {row['indicator_id']}"
        assert PERIOD.fullmatch(row["period"]), where
        assert re.fullmatch(r"-?\d+(\.\d+)?", row["value"]), where
        assert row["basis"] in {"", "常住", "户籍"}, where
        assert row["kind"] in {"actual", "target"}, where
        assert row["source_title"] and row["source_url"].startswith("http"), where


def test_one_source_gives_one_value() -> None:
    key = ("place_code", "indicator_id", "basis", "period", "kind", "source_url")
    counted = Counter(tuple(row[k] for k in key) for row in all_rows())
    assert [k for k, n in counted.items() if n > 1] == []


def test_at_least_thirty_long_series() -> None:
    years: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for row in all_rows():
        if row["kind"] == "actual":
            years[row["place_code"], row["indicator_id"], row["basis"]].add(int(row["period"][:4]))
    assert sum(longest_run(found) >= 8 for found in years.values()) >= 30


def test_number_of_documents() -> None:
    assert len(DOCUMENTS) >= 18
    assert {".txt", ".html", ".docx", ".pdf"} == {p.suffix for p in DOCUMENTS}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_sidecar(path: Path) -> None:
    meta = yaml.safe_load(path.with_suffix(".yaml").read_text(encoding="utf-8"))
    assert set(meta) == SIDECAR
    assert meta["title"] and meta["licence"] and meta["note"]
    if meta["source_url"] is None:  # allowed only where the text says that no address is known
        assert "原网址不详" in meta["note"]
    else:
        assert str(meta["source_url"]).startswith("http")
    assert (meta["place"] is None) == (meta["place_code"] is None)
    if meta["place_code"] is not None:
        assert isinstance(meta["place_code"], str) and re.fullmatch(r"\d{6}", meta["place_code"])


def test_three_places_have_four_successive_yearly_reports() -> None:
    years: dict[str, set[int]] = defaultdict(set)
    for path in DOCUMENTS:
        meta = yaml.safe_load(path.with_suffix(".yaml").read_text(encoding="utf-8"))
        if meta["place_code"] and isinstance(meta["year"], int):
            years[meta["place_code"]].add(meta["year"])
    assert sum(longest_run(found) >= 4 for found in years.values()) >= 3


def test_plain_text_documents_are_readable() -> None:
    encodings = Counter()
    for path in DOCUMENTS:
        if path.suffix != ".txt":
            continue
        data = path.read_bytes()
        try:
            text, encoding = data.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            text, encoding = data.decode("gb18030"), "gb18030"
        encodings[encoding] += 1
        assert 400 <= len(text) <= 4000, path.name
    assert encodings["gb18030"] >= 1


def test_corrections_file_is_a_list() -> None:
    entries = yaml.safe_load((RAW / "corrections" / "corrections.yaml").read_text(encoding="utf-8"))
    assert isinstance(entries, list)
