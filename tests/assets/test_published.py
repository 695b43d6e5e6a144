"""Published figures: every row with exact offsets, every faulty row named, none guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.series.published import RowError, cells, interval, read_series, source_rank, split_unit

HEAD = "place_code,place_name,indicator_id,indicator_zh,period,value,unit,basis,kind,source_title,source_url,note\n"
ROW = "511723,开江县,birth_rate,出生率,1953,28.76,‰,,actual,某统计年鉴,http://example.org,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "series"
    made.mkdir()
    return made


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_offsets_are_exact(folder: Path, newline: str) -> None:
    quoted = ROW.replace("1953,28.76", "1954,24.01").replace("某统计年鉴", '"某""统计""年鉴, 表2"')
    text = (HEAD + ROW + quoted).replace("\n", newline)
    (folder / "a.csv").write_text(text, encoding="utf-8", newline="")
    found = read_series(folder)
    assert found.documents.select("path", "status").rows() == [("series/a.csv", "ok")]
    spans = found.observations.select("start_char", "end_char", "raw").rows()
    assert [text[start:end] for start, end, _ in spans] == [raw for _, _, raw in spans] == ["28.76", "24.01"]


def test_faulty_rows_are_named_and_the_rest_is_used(folder: Path) -> None:
    bad = [
        ROW.replace("28.76", "n/a"),
        ROW.replace("28.76", "inf"),
        ROW.replace("birth_rate", "no_such"),
        ROW.replace("1953", "the fifties"),
        ROW.replace("actual", "guess"),
        "511723,too,short\n",
    ]
    (folder / "a.csv").write_text(HEAD + ROW + "".join(bad), encoding="utf-8")
    (folder / "b.csv").write_text("name,number\na,1\n", encoding="utf-8")
    (folder / "c.csv").write_bytes(b"")
    (folder / "d.csv").write_text(HEAD + '"never closed\n', encoding="utf-8")
    found = read_series(folder)
    status = dict(found.documents.select("path", "status").rows())
    assert status == {
        "series/a.csv": "bad_table",
        "series/b.csv": "bad_table",
        "series/c.csv": "empty",
        "series/d.csv": "bad_table",
    }
    error = found.documents.filter(path="series/a.csv")["error"][0]
    assert "1 rows are used, 6 are not" in error
    assert "line 3: value 'n/a' is no number" in error
    assert "columns" in found.documents.filter(path="series/b.csv")["error"][0]
    assert found.observations.height == 1


def test_targets_and_repeated_rows(folder: Path) -> None:
    target = ROW.replace("actual", "target").rstrip("\n") + "市级目标(上限)\n"
    (folder / "a.csv").write_text(HEAD + ROW + ROW + target, encoding="utf-8")
    found = read_series(folder)
    assert found.observations["observation_id"].n_unique() == 3
    assert found.targets.select("relation", "value", "reading").rows() == [("at_most", 28.76, "level")]
    assert found.targets["observation_ids"][0].to_list()[0] in found.observations["observation_id"].to_list()


def test_no_folder_gives_no_rows(tmp_path: Path) -> None:
    assert read_series(tmp_path / "none").observations.is_empty()


def test_numbers_and_units() -> None:
    assert interval("94.9", "万人") == (949000.0, 948500.0, 949500.0, "人")
    assert interval("419.9", "万元") == (4199000.0, 4198500.0, 4199500.0, "元")
    assert interval("99.11", "%")[:3] == pytest.approx((99.11, 99.105, 99.115), abs=1e-12)
    assert interval("2256", "人") == (2256.0, 2256.0, 2256.0, "人")
    assert interval("-0.35", "‰")[0] == -0.35
    assert split_unit("万") == (1, "万")
    with pytest.raises(RowError):
        interval("约5", "人")


def test_cells() -> None:
    assert [[c.text for c in row] for row in cells('a,,"b\nc"\r\n\n,d,\n')] == [["a", "", "b\nc"], ["", "d", ""]]


def test_ranks() -> None:
    assert [source_rank(t) for t in ("2010年人口普查", "某县统计公报(转引)", "日报", "政府工作报告")] == [1, 2, 4, 3]
