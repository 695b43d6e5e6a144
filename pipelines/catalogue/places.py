"""Places with their GB/T 2260 codes, and finding out which place a text is about.

Here belong: the table of places (`places.csv`, `townships.csv`; made by `tools/build_places.py`), looking a place up by
code or name, and weighing the places a text mentions. Which part of a document is a title, a footer or an essay is
decided by the documents package and handed in as spans.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from types import MappingProxyType

from ahocorasick_rs import AhoCorasick, MatchKind

Span = tuple[int, int]

_PEOPLES = (
    "蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|拉祜|水|东乡|纳西|景颇|柯尔克孜|土|达斡尔|"
    "仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|塔吉克|怒|鄂温克|保安|裕固|独龙|鄂伦春"
)
_AUTONOMOUS = re.compile(rf"^(.{{2,8}}?)((?:(?:{_PEOPLES})族)+|各族|蒙古|哈萨克|柯尔克孜)自治([州县旗])$")
_KIND = re.compile(r"(?:自治[州县旗区]|特别行政区|林区|特区|地区|[省市县区旗盟州])$")
_GENERIC = frozenset(("城区", "郊区", "矿区", "新区", "东区", "西区", "南区", "北区", "中区", "特区", "市区", "港区"))
PROVINCE_STEMS = {"内蒙古自治区": "内蒙古", "广西壮族自治区": "广西", "西藏自治区": "西藏", "宁夏回族自治区": "宁夏",
                  "新疆维吾尔自治区": "新疆", "香港特别行政区": "香港", "澳门特别行政区": "澳门"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A province, prefecture or county; `valid_to` is None while it exists."""

    place_code: str
    name_zh: str
    full_name_zh: str
    name_en: str
    level: str
    parent_code: str | None
    valid_from: int | None
    valid_to: int | None
    successor_code: str | None
    former_codes: tuple[str, ...] = ()
    former_names: tuple[tuple[str, int], ...] = ()

    def existed(self, year: int) -> bool:
        """True when the place existed at some time of the year."""
        return (self.valid_from is None or self.valid_from <= year) and (self.valid_to is None or year <= self.valid_to)

    @property
    def stem(self) -> str:
        """Name without the kind of unit: 武清区 -> 武清, 甘孜藏族自治州 -> 甘孜."""
        if self.name_zh in PROVINCE_STEMS:
            return PROVINCE_STEMS[self.name_zh]
        autonomous = _AUTONOMOUS.match(self.name_zh)
        return autonomous[1] if autonomous else _KIND.sub("", self.name_zh)

    @property
    def names(self) -> tuple[str, ...]:
        """Names that stand for the place by themselves: official, shortened autonomous, former."""
        names = [self.name_zh, *(name for name, _ in self.former_names)]
        autonomous = _AUTONOMOUS.match(self.name_zh)
        if autonomous:
            names.append(autonomous[1] + autonomous[3])
        if self.name_zh in PROVINCE_STEMS:
            names.append(PROVINCE_STEMS[self.name_zh])
        return tuple(dict.fromkeys(names))


class Places:
    """The table of places."""

    def __init__(self, places: Iterable[Place], townships: Iterable[tuple[str, str]] = ()) -> None:
        self._by_code: dict[str, Place] = {p.place_code: p for p in places}
        self._former: dict[str, Place] = {}
        self._ancestors: dict[str, tuple[Place, ...]] = {}
        self._by_name: dict[str, list[Place]] = defaultdict(list)
        self._by_stem: dict[str, list[Place]] = defaultdict(list)
        self.towns: dict[str, list[str]] = defaultdict(list)
        for place in self._by_code.values():
            for code in place.former_codes:
                self._former.setdefault(code, place)
            for name in place.names:
                self._by_name[name].append(place)
            if len(place.stem) >= 2:
                self._by_stem[place.stem].append(place)
        for code, town in townships:
            self.towns[town].append(code)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._by_code.values())

    def __len__(self) -> int:
        return len(self._by_code)

    def by_code(self, code: str) -> Place | None:
        """Place of a six-digit code; a code given up when only the number changed leads to the place that had it."""
        return self._by_code.get(code) or self._former.get(code)

    def ancestors(self, place: Place) -> tuple[Place, ...]:
        """Prefecture and province of a county, nearest first."""
        found = self._ancestors.get(place.place_code)
        if found is None:
            chain: list[Place] = []
            code = place.parent_code
            while code is not None and code in self._by_code and len(chain) < 3:
                chain.append(self._by_code[code])
                code = chain[-1].parent_code
            found = self._ancestors[place.place_code] = tuple(chain)
        return found

    def named(self, name: str) -> tuple[Place, ...]:
        """Places, past and present, with exactly this name."""
        return tuple(self._by_name.get(name, ()))

    def find(self, name: str, within: str | None = None, year: int | None = None) -> tuple[Place, ...]:
        """Places meant by a name, with or without the places above it; more than one where the name is ambiguous.

        `within` is a code or name of a place above. With `year`, places that existed then; without, present places,
        and past ones where there is no present one.

        >>> [p.place_code for p in load().find("四川省甘孜州稻城县")]
        ['513337']
        """
        name = "".join(name.split())
        found = list(self.named(name))
        if not found:
            for cut in range(1, len(name) - 1):
                found = [p for p in self.named(name[cut:]) if self._above(name[:cut], p)]
                if found:
                    break
        if within is not None:
            found = [
                p for p in found
                if any(within == a.place_code or within in (*a.names, a.stem, a.full_name_zh) for a in self.ancestors(p))
            ]  # fmt: skip
        if year is not None:
            return tuple(p for p in found if p.existed(year))
        present = [p for p in found if p.valid_to is None]
        return tuple(present or found)

    def _above(self, prefix: str, place: Place) -> bool:
        """True when the prefix is made of names of places above, outermost first."""
        if place.full_name_zh == prefix + place.name_zh:
            return True
        if not any(prefix.endswith((*a.names, a.stem)) for a in self.ancestors(place)):
            return False
        rest = prefix
        for ancestor in reversed(self.ancestors(place)):
            for form in sorted((*ancestor.names, ancestor.stem), key=len, reverse=True):
                if form and rest.startswith(form):
                    rest = rest[len(form) :]
                    break
        return not rest


@lru_cache(maxsize=1)
def load() -> Places:
    """The table shipped with the package, read once."""
    folder = files("pipelines.catalogue")
    places = [
        Place(
            place_code=row["place_code"],
            name_zh=row["name_zh"],
            full_name_zh=row["full_name_zh"],
            name_en=row["name_en"],
            level=row["level"],
            parent_code=row["parent_code"] or None,
            valid_from=int(row["valid_from"]) if row["valid_from"] else None,
            valid_to=int(row["valid_to"]) if row["valid_to"] else None,
            successor_code=row["successor_code"] or None,
            former_codes=tuple(c for c in row["former_codes"].split("|") if c),
            former_names=tuple(
                (n.partition(":")[0], int(n.partition(":")[2])) for n in row["former_names"].split("|") if n
            ),
        )
        for row in csv.DictReader(folder.joinpath("places.csv").read_text(encoding="utf-8").splitlines())
    ]
    lines = folder.joinpath("townships.csv").read_text(encoding="utf-8").splitlines()
    townships = [(code, name) for code, name in csv.reader(lines[1:])]
    return Places(places, townships)


@lru_cache(maxsize=1)
def unit_names() -> frozenset[str]:
    """Names of all provinces, prefectures and counties, generic ones (城区) left out."""
    return frozenset(n for p in load()._by_code.values() for n in p.names if n not in _GENERIC and len(n) > 2)


@dataclass(frozen=True, slots=True)
class PlaceMention:
    """A place name in a text: `kind` is name, stem or town; `codes` are all places it may mean."""

    start: int
    end: int
    text: str
    kind: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """Weight of a place in a text, with the words that carry it."""

    place_code: str
    score: float
    evidence: str
    span: Span


@dataclass(frozen=True, slots=True)
class PlaceGuess:
    """The place a text is about; `place_code` is None where nothing decides it."""

    place_code: str | None
    full_name: str | None
    evidence: str
    confidence: float


NO_PLACE = PlaceGuess(None, None, "", 0.0)

_STEM_LEFT = re.compile(r"(?:中共|【|\[|（|\(|《|^|\n)\s*$")
_STEM_MARKS = frozenset(("", *"共【[（(《"))  # the last characters of what _STEM_LEFT finds, blanks aside
_STEM_RIGHT = re.compile(
    r"^(?:[县区市旗州](?:委|政府|人大|政协)|[县区市旗]|委|人民政府|政府网|日报|新闻网?|教育(?:局|信息网)|[】\]]|讯)"
)
_SIGNATURE = re.compile(
    r"中共|委员会|人民政府|办公室|委办|政府办|统计局|教育局|卫生局|卫计委|计生(?:委|局)|财政局|扶贫办|发改(?:委|局)|【|】|公报|年鉴|政务网|市委$|县委$|区委$"
)
_SHORT_LEFT = re.compile(r"(?:^|[\s，,。；;：:、（(《“\"【\[/|—-]|中共|我|在|对|是|以|由|向|到)$")
_SHORT_RIGHT = frozenset("级里乡域城直")
_LIST_GAP = re.compile(r"[\s|｜　·•/\\>]*")
_MAX_TOWN_SHARE = 8
SENTENCE_MARKS = ("。", "\n")
"""Marks that stand in no name: what is found before and behind them does not depend on each other."""
_REMEMBERED = 100_000  # pairs of places whose order is remembered
TITLE_WEIGHT, SIGNATURE_WEIGHT, HEADING_WEIGHT, PATH_WEIGHT = 3.0, 2.0, 1.5, 1.5
STEM_WEIGHT, TOWN_WEIGHT, REPEAT_CAP = 0.6, 0.8, 4.0
MIN_SCORE, MIN_MARGIN, MIN_RATIO = 1.5, 0.75, 1.4


class PlaceFinder:
    """Finds place names in texts and weighs which place a text is about."""

    def __init__(self, places: Places) -> None:
        self.places = places
        words: dict[str, tuple[str, tuple[str, ...]]] = {}
        for stem, owners in places._by_stem.items():
            words[stem] = ("stem", tuple(p.place_code for p in owners))
        for name, owners in places._by_name.items():
            words[name] = ("name", tuple(p.place_code for p in owners))
        self._automaton = AhoCorasick(tuple(words), matchkind=MatchKind.LeftmostLongest)
        towns = [t for t, codes in places.towns.items() if len(codes) <= _MAX_TOWN_SHARE and t not in words]
        self._towns = frozenset(towns)
        lengths: dict[str, set[int]] = defaultdict(set)
        for town in towns:
            lengths[town[-2:]].add(len(town))
            words[town] = ("town", tuple(places.towns[town]))
        self._town_tails = {tail: tuple(sorted(sizes)) for tail, sizes in lengths.items()}
        self._town_ends = tuple(sorted({tail[-1] for tail in lengths}))
        self._words = tuple(words)
        self._entries = tuple(words.values())
        self._below: dict[tuple[tuple[str, ...], tuple[str, ...]], bool] = {}

    def mentions(self, text: str, ignore: Sequence[Span] = ()) -> list[PlaceMention]:
        """Place names in order, not overlapping; short forms only where the words around show a place is meant."""
        found = self._find(text)
        if ignore:
            found = [hit for hit in found if not any(a < hit[2] and hit[1] < b for a, b in ignore)]
        kept: list[PlaceMention] = []
        entries = self._entries
        for position, (i, start, end) in enumerate(found):
            kind, codes = entries[i]
            previous = kept[-1] if kept and kept[-1].end == start and kept[-1].kind != "town" else None
            below = previous is not None and self._is_below(codes, previous.codes)
            if kind == "stem":
                if not below:
                    leads = (
                        position + 1 < len(found)
                        and found[position + 1][1] == end
                        and self._is_below(entries[found[position + 1][0]][1], codes)
                    )
                    if not leads and not _stands_alone(text, start, end, codes):
                        continue
            elif kind == "name" and not below:
                word = self._words[i]
                if word in _GENERIC:
                    continue
                if len(word) == 2 and word[-1] in "县区市旗":
                    if not _SHORT_LEFT.search(text[max(0, start - 2) : start]):
                        continue
                    if text[end : end + 1] in _SHORT_RIGHT:
                        continue
            kept.append(PlaceMention(start, end, self._words[i], kind, codes))
        return self._without_lists(text, kept)

    def _find(self, text: str) -> list[tuple[int, int, int]]:
        """Words of the table in a text, leftmost and longest first: number of the word, start and end.

        Four of five words are towns. They are looked up at the characters they end with, and only sentences that hold
        one are searched for all words: an automaton without them fits the processor's cache and takes half the time.
        """
        sentences = self._sentences_with_towns(text)
        if not sentences:
            return self._automaton.find_matches_as_indexes(text)
        if 2 * sum(b - a for a, b in sentences) > len(text):
            return self._with_towns.find_matches_as_indexes(text)
        found = self._automaton.find_matches_as_indexes(text)
        merged: list[tuple[int, int, int]] = []
        k = 0
        for a, b in sentences:
            while k < len(found) and found[k][1] < a:
                merged.append(found[k])
                k += 1
            merged += [(i, a + x, a + y) for i, x, y in self._with_towns.find_matches_as_indexes(text[a:b])]
            while k < len(found) and found[k][1] < b:
                k += 1
        return merged + found[k:]

    @cached_property
    def _with_towns(self) -> AhoCorasick:
        return AhoCorasick(self._words, matchkind=MatchKind.LeftmostLongest)

    def _sentences_with_towns(self, text: str) -> list[Span]:
        """Spans between marks that no name holds, for those that hold the name of a town."""
        ends: list[int] = []
        for last in self._town_ends:
            at = text.find(last)
            while at >= 0:
                end = at + 1
                for length in self._town_tails.get(text[max(0, end - 2) : end], ()):
                    if length <= end and text[end - length : end] in self._towns:
                        ends.append(end)
                        break
                at = text.find(last, end)
        spans: list[Span] = []
        if not ends:
            return spans
        covered = 0
        following = dict.fromkeys(
            SENTENCE_MARKS, -1
        )  # the next of each mark: kept, so that no stretch is searched twice
        for end in sorted(ends):
            if end > covered:
                start = max(covered, *(text.rfind(mark, covered, end) + 1 for mark in SENTENCE_MARKS))
                for mark, at in following.items():
                    if at < end:
                        following[mark] = at if (at := text.find(mark, end)) >= 0 else len(text)
                covered = min(following.values())
                spans.append((start, covered))
        return spans

    def _is_below(self, inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
        """True where a place of the inner codes lies in one of the outer codes."""
        key = (inner, outer)
        found = self._below.get(key)
        if found is None:
            if len(self._below) >= _REMEMBERED:
                self._below.clear()
            found = self._below[key] = self._below_by_code(inner, outer)
        return found

    def _below_by_code(self, inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
        wanted = set(outer)
        return any(
            wanted & {a.place_code for a in self.places.ancestors(place)}
            for place in map(self.places.by_code, inner)
            if place is not None
        )

    def _without_lists(self, text: str, hits: list[PlaceMention]) -> list[PlaceMention]:
        """Hits without runs of four and more divided by bars or blanks only: menus and footers."""
        kept: list[PlaceMention] = []
        run: list[PlaceMention] = []
        barred = "|" in text or "｜" in text
        for hit in hits:
            if barred and _is_menu_item(text, hit):
                continue
            if run and not (
                run[-1].end < hit.start
                and _LIST_GAP.fullmatch(text, run[-1].end, hit.start)
                and not self._is_below(hit.codes, run[-1].codes)
            ):
                kept.extend(run if len(run) < 4 else ())
                run = []
            run.append(hit)
        kept.extend(run if len(run) < 4 else ())
        return kept

    def vote(
        self, text: str, title_span: Span | None = None, ignore: Sequence[Span] = (), year: int | None = None
    ) -> list[Vote]:
        """Places the text may be about, best first. Without `title_span` the first two lines count as the title."""
        hits = self.mentions(text, ignore)
        if not hits:
            return []
        title = title_span or _first_lines(text)
        mentioned = {c for h in hits if h.kind != "town" for c in h.codes}
        named = {c for h in hits if h.kind == "name" for c in h.codes}
        scores: dict[str, float] = defaultdict(float)
        repeats: Counter[str] = Counter()
        seen_bonus: set[tuple[str, str]] = set()
        best: dict[str, tuple[float, PlaceMention]] = {}
        for position, hit in enumerate(hits):
            if hit.kind == "town":
                continue
            previous = hits[position - 1] if position and hits[position - 1].end == hit.start else None
            following = hits[position + 1] if position + 1 < len(hits) and hits[position + 1].start == hit.end else None
            if following is not None and following.kind != "town" and self._is_below(following.codes, hit.codes):
                continue  # 天津市 of 天津市武清区: part of the inner place's name
            path = previous is not None and previous.kind != "town" and self._is_below(hit.codes, previous.codes)
            code = self._choose(hit, previous if path else None, mentioned, named, year)
            if code is None:
                continue
            in_title = title[0] <= hit.start < title[1]
            signed = _in_signature(text, hit)
            if code.endswith("0000") and not (in_title or signed):
                continue
            weight = STEM_WEIGHT if hit.kind == "stem" else 1.0
            repeats[code] += 1
            gain = weight if repeats[code] == 1 else 0.5 * weight
            bonus = 0.0
            for kind, applies, extra in (
                ("title", in_title, TITLE_WEIGHT),
                ("signature", signed, SIGNATURE_WEIGHT),
                ("heading", not in_title and _in_heading(text, hit), HEADING_WEIGHT),
                ("path", path, PATH_WEIGHT),
            ):
                if applies and (code, kind) not in seen_bonus:
                    seen_bonus.add((code, kind))
                    bonus += extra
            if repeats[code] <= 1 + REPEAT_CAP / 0.5:
                scores[code] += gain
            scores[code] += bonus
            if code not in best or gain + bonus > best[code][0]:
                first = previous.start if path and previous is not None else hit.start
                best[code] = (gain + bonus, PlaceMention(first, hit.end, text[first : hit.end], hit.kind, hit.codes))
        self._vote_towns(hits, scores, best)
        votes = [
            Vote(code, round(score, 3), best[code][1].text, (best[code][1].start, best[code][1].end))
            for code, score in scores.items()
        ]
        return sorted(votes, key=lambda v: (-v.score, v.place_code))

    def _choose(
        self, hit: PlaceMention, parent: PlaceMention | None, mentioned: set[str], named: set[str], year: int | None
    ) -> str | None:
        """The one place a name means here, or None."""
        candidates = [p for p in map(self.places.by_code, hit.codes) if p is not None]
        if parent is not None:
            candidates = [p for p in candidates if set(parent.codes) & {a.place_code for a in self.places.ancestors(p)}]
        if hit.kind == "stem":
            spelled = [p for p in candidates if p.place_code in named]
            candidates = spelled or candidates
        if len(candidates) > 1 and parent is None:
            # the same name elsewhere: a prefecture (or province) of the right one must be mentioned
            supported = [p for p in candidates if {a.place_code for a in self.places.ancestors(p)} & mentioned]
            nearest = [p for p in supported if p.parent_code in mentioned]
            candidates = nearest or supported or (candidates if _one_chain(candidates) else [])
        if len(candidates) > 1 and year is not None:
            candidates = [p for p in candidates if p.existed(year)] or candidates
        if len(candidates) > 1:
            candidates = [p for p in candidates if p.valid_to is None] or candidates
        if len(candidates) > 1 and hit.kind == "stem":  # 吉林: the wider place
            top = [p for p in candidates if p.level == "province"]
            candidates = top or candidates
        return candidates[0].place_code if len(candidates) == 1 else None

    def _vote_towns(
        self, hits: list[PlaceMention], scores: dict[str, float], best: dict[str, tuple[float, PlaceMention]]
    ) -> None:
        by_county: dict[str, dict[str, PlaceMention]] = defaultdict(dict)
        for hit in hits:
            if hit.kind == "town":
                for code in hit.codes:
                    by_county[code].setdefault(hit.text, hit)
        former = self._former_of(scores)
        for code, towns in by_county.items():
            predecessors = former.get(code, ())
            # the towns of 洞头区 speak for 洞头县 where the text names that
            owner = predecessors[0] if len(predecessors) == 1 and scores.get(code, 0.0) <= 0 else code
            if len(towns) < 2 and scores.get(owner, 0.0) <= 0:
                continue
            scores[owner] += TOWN_WEIGHT * min(len(towns), 5)
            if owner not in best:
                first, last = min(towns.values(), key=lambda h: h.start), max(towns.values(), key=lambda h: h.start)
                label = "、".join(towns)
                best[owner] = (0.0, PlaceMention(first.start, last.end, label, "town", (owner,)))

    def _former_of(self, scores: Mapping[str, float]) -> dict[str, list[str]]:
        """The predecessors that the text names, by the code of their successor."""
        former: dict[str, list[str]] = defaultdict(list)
        for code, score in scores.items():
            place = self.places.by_code(code)
            if score > 0 and place is not None and place.successor_code is not None:
                former[place.successor_code].append(code)
        return former

    def resolve(
        self, text: str, title_span: Span | None = None, ignore: Sequence[Span] = (), year: int | None = None
    ) -> PlaceGuess:
        """The place a text is about; no place where the evidence is thin or two places tie."""
        votes = self.vote(text, title_span, ignore, year)
        if not votes:
            return NO_PLACE
        top = votes[0]
        ranked = votes
        for vote in votes[1:]:
            place = self.places.by_code(vote.place_code)
            if (
                place is not None
                and vote.score >= 0.4 * top.score
                and vote.score >= MIN_SCORE
                and top.place_code in {a.place_code for a in self.places.ancestors(place)}
            ):
                top = vote  # the county named in a report of its prefecture
                break
        winner = self.places.by_code(top.place_code)
        if winner is None or top.score < MIN_SCORE:
            return NO_PLACE
        kin = {a.place_code for a in self.places.ancestors(winner)} | {top.place_code}
        rivals = [v.score for v in ranked if v.place_code not in kin]
        second = max(rivals, default=0.0)
        if second and (top.score - second < MIN_MARGIN or top.score < MIN_RATIO * second):
            return NO_PLACE
        confidence = round(min(1.0, top.score / 5.0) * top.score / (top.score + second), 3)
        return PlaceGuess(top.place_code, winner.full_name_zh, top.evidence, confidence)


def _stands_alone(text: str, start: int, end: int, codes: Sequence[str]) -> bool:
    """True for a stem between marks, at a line's start or behind 中共 with an office behind it, or a province's there."""
    # nearly every stem in prose is another word (动力, 资源) behind another character
    before = text[start - 1] if start else ""
    if before not in _STEM_MARKS and not before.isspace():
        return False
    if _STEM_LEFT.search(text[max(0, start - 4) : start]) is None:
        return False
    return _STEM_RIGHT.match(text[end : end + 6]) is not None or any(c.endswith("0000") for c in codes)


def _one_chain(candidates: Sequence[Place]) -> bool:
    """True when the candidates are one place over time: 武清县 and 武清区."""
    codes = {p.place_code for p in candidates}
    return sum(p.successor_code not in codes for p in candidates) == 1


def _first_lines(text: str) -> Span:
    start = len(text) - len(text.lstrip())
    end = start
    for _ in range(2):
        newline = text.find("\n", end)
        if newline < 0:
            return start, min(len(text), start + 80)
        end = newline + 1
    return start, min(end, start + 160)


def _line(text: str, hit: PlaceMention) -> Span:
    end = text.find("\n", hit.end)
    return text.rfind("\n", 0, hit.start) + 1, end if end >= 0 else len(text)


def _is_menu_item(text: str, hit: PlaceMention) -> bool:
    """True between bars in a line with four and more of them."""
    before, after = text[max(0, hit.start - 3) : hit.start].rstrip(), text[hit.end : hit.end + 3].lstrip()
    if not (before.endswith(("|", "｜")) or after.startswith(("|", "｜"))):
        return False
    start, end = _line(text, hit)
    return text.count("|", start, end) + text.count("｜", start, end) >= 4


def _in_heading(text: str, hit: PlaceMention) -> bool:
    """True at the start of a short line that is no sentence."""
    start, end = _line(text, hit)
    line = text[start:end].strip()
    return len(hit.text) + 2 <= len(line) <= 40 and text[start : hit.start].strip() == "" and "。" not in line


def _in_signature(text: str, hit: PlaceMention) -> bool:
    """True in a short line of its own that names an office, or in 【…】."""
    start, end = _line(text, hit)
    line = text[start:end].strip()
    if len(line) <= 40 and _SIGNATURE.search(line):
        return True
    around = text[max(0, hit.start - 12) : hit.end + 12]
    return "【" in around and re.search(rf"【[^】]*{re.escape(hit.text)}[^【]*】", around) is not None


@lru_cache(maxsize=1)
def finder() -> PlaceFinder:
    """The finder over the shipped table, built once."""
    return PlaceFinder(load())


def by_code() -> Mapping[str, Place]:
    """All places of the shipped table by code."""
    return MappingProxyType(load()._by_code)
