"""Laws of reading: a text that is changed in one respect is read the same in every other.

Every document is the sample sentences of `data/raw`, the annotated texts, and the source documents beside the checkout where
they stand. A change is made by rule or by a seeded choice, the text is read again, and only what the change speaks of
may differ: the place where a county is renamed, one value where a digit is changed, the years where years are moved.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import opencc
import pytest

from pipelines.catalogue.places import finder
from pipelines.catalogue.places import load as load_places
from pipelines.extraction.document import extract_records

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "data" / "raw" / "documents", ROOT / "tests" / "gold", ROOT.parent / "shared" / "seeds")
QUANTITIES = ("indicator", "norm")
READ = ("class", "value", "unit", "indicator", "kind", "direction", "approx", "period", "scope")
DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")


def documents() -> list[Path]:
    """Plain texts in UTF-8; other formats are read to the same text before anything here happens."""
    found = []
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.txt")):
            try:
                path.read_bytes().decode("utf8")
            except UnicodeDecodeError:
                continue
            found.append(path)
    return found


TEXTS = documents()
each = pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.stem[:24])


@lru_cache(maxsize=128)
def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf8")


@lru_cache(maxsize=128)
def records_of(path: Path) -> tuple[dict[str, Any], ...]:
    return tuple(extract_records(path))


@pytest.fixture
def reread(tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Reads a changed text under the name of the document it was made from."""

    def read(text: str) -> list[dict[str, Any]]:
        path = tmp_path / "text.txt"
        path.write_bytes(text.encode("utf8"))
        return extract_records(path)

    return read


def quantities(records: Any) -> list[dict[str, Any]]:
    return [r for r in records if r["class"] in QUANTITIES]


def fields(record: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(tuple(v) if isinstance(v := record[name], list) else v for name in names)


def differences(before: Any, after: Any, *names: str) -> list[tuple[Any, Any]]:
    """Pairs of readings that differ in the named fields, in order of the text."""
    a, b = quantities(before), quantities(after)
    assert len(a) == len(b), (Counter(r["raw"] for r in a) - Counter(r["raw"] for r in b), [r["raw"] for r in b][:5])
    return [
        (fields(x, "raw", *names), fields(y, "raw", *names))
        for x, y in zip(a, b, strict=True)
        if fields(x, *names) != fields(y, *names)
    ]


@each
def test_full_width_digits_change_nothing(path: Path, reread: Any) -> None:
    text = text_of(path)
    after = reread(text.translate(DIGITS))
    assert differences(records_of(path), after, "start", "end", "place_code", *READ) == []


@each
def test_traditional_characters_change_nothing(path: Path, reread: Any) -> None:
    text = text_of(path)
    changed = _traditional().convert(text)
    if len(changed) != len(text):
        pytest.skip("the conversion changes the length of the text")
    names = ("value", "unit", "kind", "direction", "approx", "period", "place_code")
    found = differences(records_of(path), reread(changed), *names)
    # broken bytes are half converted already: what they hide is not a matter of script
    assert [pair for pair in found if "?" not in pair[0][0]] == []


@lru_cache(maxsize=1)
def _traditional() -> Any:
    return opencc.OpenCC("s2t")


FURNITURE = (
    "版权所有 备案号：浙ICP备05012345号 联系电话：0573-88021234 邮编：314500\n",
    "上一篇：关于召开2018年度会议的通知（06-12）\n下一篇：第12期培训班开班\n",
    "阅读：3165次 发布时间：2019-05-06 10:22:31 来源：本站 字体：大 中 小\n",
    "友情链接：海宁市 平湖市 嘉善县 海盐县 南湖区 秀洲区 德清县 长兴县 安吉县 诸暨市 嵊州市\n",
)


@each
@pytest.mark.parametrize("spam", FURNITURE, ids=["footer", "neighbours", "stamp", "links"])
def test_furniture_changes_nothing(path: Path, spam: str, reread: Any) -> None:
    text = text_of(path)
    after = reread((text if text.endswith("\n") else text + "\n") + spam)
    assert differences(records_of(path), after, "start", "place_code", *READ) == []


YEAR = re.compile(
    r"(?<![0-9.])(?<![0-9],)(19[5-9][0-9]|20[01][0-9]|202[0-4])"
    r"(?=\s?(?:年|[学學]|[两三四五]年)|[-—–~～至](?:19|20)?[0-9]{2}\s?(?:年|[学學]|[两三四五]年))"
)


@each
def test_years_move_periods_alone(path: Path, reread: Any) -> None:
    text = text_of(path)
    moved = YEAR.sub(lambda m: str(int(m[1]) + 1), text)
    before = quantities(records_of(path))
    after = quantities(reread(moved))
    assert differences(before, after, "start", "end", "value", "unit", "indicator", "kind", "direction", "approx") == []
    for old, new in zip(before, after, strict=True):
        if old["period"] != new["period"]:
            years = [int(y) for y in re.findall(r"(?:19|20)[0-9]{2}", old["period"] or "")]
            assert [int(y) for y in re.findall(r"(?:19|20)[0-9]{2}", new["period"] or "")] == [y + 1 for y in years]


@each
def test_a_digit_changes_one_value(path: Path, reread: Any) -> None:
    text = text_of(path)
    rng = random.Random(path.name)
    before = quantities(records_of(path))
    able = [
        i
        for i, r in enumerate(before)
        if isinstance(r["value"], float)
        and len(re.findall(r"[0-9]+", r["raw"])) == 1
        and r["unit"] != "岁"
        and "目标" not in r["sentence"]
    ]
    for i in rng.sample(able, min(4, len(able))):
        record = before[i]
        run = re.search(r"[0-9]+", record["raw"])
        assert run is not None
        at = run.end() - 1
        digit = rng.choice([d for d in "123456789" if d != record["raw"][at]])
        position = record["start"] + at
        after = quantities(reread(text[:position] + digit + text[position + 1 :]))
        others = [k for k in range(len(before)) if k != i]
        assert len(after) == len(before)
        assert [fields(after[k], *READ) for k in others] == [fields(before[k], *READ) for k in others]
        same = [name for name in READ if name != "value"]
        assert fields(after[i], *same) == fields(record, *same)
        ratio = int(run[0][:-1] + digit) / int(run[0]) if int(run[0]) else None
        if ratio is not None and "千" not in record["raw"]:
            assert after[i]["value"] == pytest.approx(record["value"] * ratio)


BOUND = re.compile(
    r"其中|其|分别|该|这|以上|上述|同比|上年|去年|今年|目前|截至|本|全年|年末|年底|月|季度|半年|[0-9]年|一[是要]|第|另外|此外|同时|[①②③（(]|：|“|”"
)


@each
def test_independent_sentences_may_change_places(path: Path, reread: Any) -> None:
    text = text_of(path)
    rng = random.Random(path.name)
    pairs = [
        m
        for m in re.finditer(r"(?<=[。\n])(?P<a>[^。\n]{8,120}。)(?P<b>[^。\n]{8,120}。)", text)
        if all(re.search("[0-9]", m[g]) and not BOUND.search(m[g]) for g in "ab")
    ]
    names = ("raw", "class", "value", "unit", "indicator", "kind", "direction", "approx", "scope")
    expected = Counter(fields(r, *names) for r in quantities(records_of(path)))
    for m in rng.sample(pairs, min(3, len(pairs))):
        after = reread(text[: m.start()] + m["b"] + m["a"] + text[m.end() :])
        assert Counter(fields(r, *names) for r in quantities(after)) == expected


@each
def test_a_county_renamed_changes_the_place_alone(path: Path, reread: Any) -> None:
    text = text_of(path)
    before = quantities(records_of(path))
    codes = {r["place_code"] for r in before if r["place_code"]}
    if len(codes) != 1:
        pytest.skip("the text names no county, or several")
    places = load_places()
    (code,) = codes
    place = next(p for p in places if p.place_code == code)
    sibling = next(
        (
            p
            for p in places
            if p.parent_code == place.parent_code and p.level == place.level and len(p.name_zh) == len(place.name_zh)
            and p.name_zh[-1] == place.name_zh[-1] and p.place_code != code and p.name_zh[:2] != place.name_zh[:2]
            and [len(m.codes) for m in finder().mentions(p.name_zh)] == [1]
        ),
        None,
    )  # fmt: skip
    if sibling is None or place.name_zh not in text:
        pytest.skip("no county beside it has a name as long")
    stem, other = place.name_zh[:-1], sibling.name_zh[:-1]
    after = quantities(reread(text.replace(stem, other)))
    names = ("start", "end", "class", "value", "unit", "kind", "direction", "approx", "period")
    assert differences(before, after, *names) == []
    assert {r["place_code"] for r in after if r["place_code"]} == {sibling.place_code}
