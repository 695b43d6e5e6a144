"""The indicator catalogue and the link from a Chinese phrase with a unit to one of its entries.

The entries are in `indicators.csv`. A phrase links only when its name or alias stands whole at the end of the phrase,
the unit fits and no second entry fits as well: no link is better than a wrong one. Which words of a sentence form the
phrase, and which place and period a value belongs to, is decided by the extraction package.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

from ahocorasick_rs import AhoCorasick, MatchKind

from pipelines.catalogue.places import unit_names
from pipelines.catalogue.units import base_unit


@dataclass(frozen=True, slots=True)
class Indicator:
    """One entry of the catalogue; the columns of `indicators.csv`, with empty cells as None."""

    id: str
    name_en: str
    name_zh: str
    aliases_zh: tuple[str, ...]
    topic: str
    unit: str
    measure_type: str
    polarity: str
    plausible_min: float | None
    plausible_max: float | None
    target_min: float | None
    target_max: float | None
    accumulates_within_year: bool
    annualise: str
    numerator_id: str | None
    denominator_id: str | None
    part_of_id: str | None
    definition: str
    typical_basis: str
    confidence: str

    @property
    def names(self) -> tuple[str, ...]:
        """Chinese name and aliases, the name first."""
        return (self.name_zh, *self.aliases_zh)

    @property
    def form(self) -> str:
        """count, amount, rate, ratio, index or standard."""
        return self.measure_type.partition(":")[0]

    @property
    def time(self) -> str:
        """stock (at a moment) or flow (over a period)."""
        return self.measure_type.partition(":")[2]


@dataclass(frozen=True, slots=True)
class NameHit:
    """A catalogue name or alias found in a text, whatever unit follows."""

    start: int
    end: int
    name: str
    indicator_ids: tuple[str, ...]


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


@lru_cache(maxsize=1)
def load() -> Mapping[str, Indicator]:
    """The catalogue by indicator id, in the order of the file."""
    text = files("pipelines.catalogue").joinpath("indicators.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    catalogue: dict[str, Indicator] = {}
    for row in rows:
        if row["id"] in catalogue:
            raise ValueError(f"indicators.csv: {row['id']!r} is written twice")
        catalogue[row["id"]] = Indicator(
            id=row["id"],
            name_en=row["name_en"],
            name_zh=row["name_zh"],
            aliases_zh=tuple(a for a in row["aliases_zh"].split("|") if a),
            topic=row["topic"],
            unit=row["unit"],
            measure_type=row["measure_type"],
            polarity=row["polarity"],
            plausible_min=_number(row["plausible_min"]),
            plausible_max=_number(row["plausible_max"]),
            target_min=_number(row["target_min"]),
            target_max=_number(row["target_max"]),
            accumulates_within_year=row["accumulates_within_year"] == "yes",
            annualise=row["annualise"],
            numerator_id=row["numerator_id"] or None,
            denominator_id=row["denominator_id"] or None,
            part_of_id=row["part_of_id"] or None,
            definition=row["definition"],
            typical_basis=row["typical_basis"],
            confidence=row["confidence"],
        )
    for entry in catalogue.values():
        for other in (entry.numerator_id, entry.denominator_id, entry.part_of_id):
            if other is not None and other not in catalogue:
                raise ValueError(f"indicators.csv: {entry.id!r} refers to {other!r}, which is not in the file")
    return MappingProxyType(catalogue)


# ---------------------------------------------------------------------------------------------------------------- units

_SPELLINGS = {
    "男/100女": {"男/100女", ":", "比"},  # 118:100
    "比": {"比", ":", "倍"},
    "人/师": {"人/师", ":", "人"},
    "1/10万": {"1/10万", "/10万"},
    "1/万": {"1/万", "/万"},
    "人/千人": {"人/千人", "人"},
    "张/千人": {"张/千人", "张"},
    "人/户": {"人/户", "人"},
    "倍": {"倍", ":"},
    "岁": {"岁", "年"},
    "人次": {"人次", "人"},
    "平方米": {"平方米"},
    "平方公里": {"平方公里", "平方米", "公顷"},
    "公里": {"公里", "米"},
}
_THINGS = {"个", "所", "家", "处", "座", "件", "例", "起", "村"}


def compatible(unit: str, indicator_unit: str) -> bool:
    """True when a value read in `unit` can be a value of an indicator measured in `indicator_unit`.

    A unit per head, pupil or year may be written short, as the phrase already says 人均 or 生均. Percent and per mille
    are never taken for each other, and a share of something is never a number of it.

    >>> compatible("元", "元/人·年"), compatible("名", "人"), compatible("%", "‰")
    (True, True, False)
    """
    found, wanted = base_unit(unit), base_unit(indicator_unit)
    if found == wanted:
        return True
    if found in _SPELLINGS.get(wanted, ()):
        return True
    if wanted in _THINGS and found in _THINGS:
        return True
    head, slash, tail = wanted.partition("/")
    if slash and tail and tail[0] in "人生":
        return found == head or found.partition("/")[0] == head
    return False


# ---------------------------------------------------------------------------------------------------------- phrase links

_SPACE = re.compile(r"[\s　·•“”\"'‘’]+")
_BRACKET = re.compile(r"[（(][^（）()]{0,20}[）)]")
_SCOPE = re.compile(
    r"^(?:全国|全省|全州|全市|全县|全区|全旗|全镇|全乡|我市|我县|我区|我州|我旗|本市|本县|本区|本地区|辖区内?|境内|全辖区)"
    r"(?:的|共有?|现有)?"
)
_TIME = re.compile(
    r"^(?:(?:19|20)[0-9]{2}年(?:度|末|底)?|今年|去年|上年|本年度?|当年|全年|年末|年底|年初|年度|期末|同期|上半年|下半年|[一二三四]季度|1?[0-9]月份?|截至目前|目前|现有)"
)
_TAIL = re.compile(
    r"(?:分别|均|已|共|总共|合计|累计|达到了?|达|为|是|有|约|近|仅|超过|完成|实现|控制在|保持在|稳定在|提高到|降到|在)+$"
)
# what the three begin or end with: most phrases begin and end otherwise, and need no look at the patterns
SCOPE_FIRST = frozenset("全我本辖境")
TIME_FIRST = frozenset("0123456789今去上本当全年期同下一二三四截目现")
TAIL_LAST = frozenset("别均已共计了达为是有约近仅过成现在到")
_PLACE_ENDS = frozenset("县区市旗州省")
_CHANGE = re.compile(
    r"(?:增长|下降|增幅|降幅|增加|减少|提高|上升|同比|环比|增速|差距|进度|完成率|目标|任务|排名|名次|比重|比例|占比|占.{1,12})$"
)
# A noun before an alias that makes the whole a different thing: 留守儿童入学率 is not 适龄儿童入学率.
_HARMLESS_BEFORE = re.compile(
    r"(?:全国|全省|全州|全市|全县|全区|全旗|我市|我县|我区|年末|年底|期末|当年|年度|上半年|下半年|计划生育|人口计生|其中|"
    r"落实|完成|实现|达到|发放|征收|招收|办理|查处|实施|开展|采取|共有?|的)+|人口|.*[、，,；;：:]|.*(?:其中|以及)"
)
_SUFFIXES = ("人数", "总数", "数量", "数", "例数", "户数", "总量", "金额", "额")
_RATE_SUFFIXES = ("比率", "比例", "率")


def _without_place(text: str) -> str:
    """Text without the name of a county or city it begins with; 城区 and 贫困县 are no names."""
    if _PLACE_ENDS.isdisjoint(text[1:12]):
        return text
    names = unit_names()
    for end in range(min(len(text) - 2, 12), 1, -1):
        if text[end - 1] in _PLACE_ENDS and text[:end] in names:
            return text[end:]
    return text


def normalise(phrase: str) -> str:
    """Phrase without blanks, quotes, brackets, leading place or time words and trailing verbs.

    >>> normalise("全县 人口出生率（‰）控制在")
    '人口出生率'
    """
    text = _SPACE.sub("", phrase)
    if "（" in text or "(" in text:
        text = _BRACKET.sub("", text)
    text = text.strip("，,。；;：:、-—")
    names = _index()
    before = None
    while before != text:
        before = text
        if text[:1] in TIME_FIRST and text not in names:
            text = _TIME.sub("", text)
        if text not in names:
            text = _without_place(_SCOPE.sub("", text) if text[:1] in SCOPE_FIRST else text)
        if text[-1:] in TAIL_LAST and text not in names:
            text = _TAIL.sub("", text)
        text = text.strip("，,。；;：:、-—的")
    return text


def _variants(name: str, entry: Indicator) -> Iterator[str]:
    """The name with and without the suffixes that change nothing: 出生人数 = 出生人数量."""
    yield name
    if entry.form in ("count", "amount"):
        for suffix in _SUFFIXES:
            if name.endswith(suffix) and len(name) - len(suffix) >= 4:
                yield name[: -len(suffix)]
                if suffix == "人数":
                    yield name[: -len(suffix)] + "数"
        if entry.form == "count" and not name.endswith(("数", "例")):
            yield name + "数"
            if entry.unit == "人" and not name.endswith(("人口", "人")):
                yield name + "人数"
            if entry.unit == "例":
                yield name + "例数"
            if entry.unit == "户" and not name.endswith("户"):
                yield name + "户数"
    elif entry.form == "rate":
        for suffix in _RATE_SUFFIXES:
            if name.endswith(suffix):
                stem = name[: -len(suffix)]
                if suffix != "率" and len(stem) >= 4:
                    yield from (stem + other for other in ("比率", "比例"))
                break


@lru_cache(maxsize=1)
def _index() -> Mapping[str, tuple[str, ...]]:
    """Every written form -> ids that have it; a form a row states outright beats a derived one."""
    stated: dict[str, list[str]] = {}
    derived: dict[str, list[str]] = {}
    for entry in load().values():
        for name in entry.names:
            for position, form in enumerate(_variants(_BRACKET.sub("", name), entry)):
                table = derived if position else stated
                ids = table.setdefault(form, [])
                if entry.id not in ids:
                    ids.append(entry.id)
    merged = {form: tuple(ids) for form, ids in derived.items()} | {form: tuple(ids) for form, ids in stated.items()}
    return MappingProxyType(merged)


@lru_cache(maxsize=1)
def _longest() -> int:
    return max(map(len, _index()))


@lru_cache(maxsize=1)
def _endings() -> frozenset[str]:
    """The last two characters of every form: a phrase that ends otherwise names no entry."""
    return frozenset(form[-2:] for form in _index())


def _fitting(ids: Iterable[str], unit: str) -> list[str]:
    catalogue = load()
    fitting = [i for i in ids if compatible(unit, catalogue[i].unit)]
    if len(fitting) > 1:
        exact = [i for i in fitting if base_unit(unit) == base_unit(catalogue[i].unit)]
        if len(exact) == 1:
            return exact
    return fitting


@lru_cache(maxsize=65536)
def link(phrase: str, unit: str) -> tuple[str, float] | None:
    """Catalogue entry meant by a phrase whose value is in `unit`, with a score in (0, 1]; None where unsure.

    1.0 is the whole phrase; less where words stand before the alias. A change (增长, 比重) of an indicator is not the
    indicator.

    >>> link("全县人口出生率", "‰")
    ('birth_rate', 1.0)
    >>> link("留守儿童", "人") is None
    True
    """
    text = normalise(phrase)
    if not text:
        return None
    index = _index()
    ids = index.get(text)
    if ids is not None:
        fitting = _fitting(ids, unit)
        return (fitting[0], 1.0) if len(fitting) == 1 else None
    if text[-2:] not in _endings() or _CHANGE.search(text):
        return None
    for length in range(min(len(text) - 1, _longest()), 1, -1):
        ids = index.get(text[-length:])
        if ids is None:
            continue
        before = text[:-length]
        harmless = _HARMLESS_BEFORE.fullmatch(before) is not None
        if length < 4 and not harmless:
            return None
        fitting = _fitting(ids, unit)
        if len(fitting) != 1:
            return None  # the longest name decides: a shorter one inside it would be another thing
        if not harmless:
            return None
        return fitting[0], round(0.6 + 0.35 * length / len(text), 3)
    return None


class NameFinder:
    """Finds catalogue names and aliases in running text, leftmost and longest first."""

    def __init__(self) -> None:
        self._names = tuple(_index())
        self._automaton = AhoCorasick(self._names, matchkind=MatchKind.LeftmostLongest)

    def find(self, text: str) -> list[NameHit]:
        """All hits in order, not overlapping."""
        return [
            NameHit(start, end, self._names[i], _index()[self._names[i]])
            for i, start, end in self._automaton.find_matches_as_indexes(text)
        ]


@lru_cache(maxsize=1)
def finder() -> NameFinder:
    """The finder over all names and aliases, built once."""
    return NameFinder()
