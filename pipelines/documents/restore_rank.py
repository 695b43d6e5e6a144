"""How likely a stretch of Chinese is: a lattice of dictionary words mixed with the page's own words.

Belongs here: scores in nats, extended one character at a time so that a search can prune.
Does not belong here: what the bytes allow (restore_runs).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from functools import cache, lru_cache
from importlib.resources import files
from math import log
from typing import Final, NamedTuple

from pipelines.documents.restore_table import gb2312_hanzi

_TOTAL: Final = 60_101_967.0
PAGE_SAMPLE: Final = 60_000
"""Characters of a page that its own words are taken from."""
_SIGNS: Final = {
    "，": 0.04, ",": 0.04, "。": 0.02, "、": 0.02, "；": 0.003, ";": 0.003, "：": 0.003, ":": 0.003, "“": 0.004, "”": 0.004,
    "（": 0.002, "）": 0.002, "(": 0.002, ")": 0.002, "《": 0.001, "》": 0.001, "！": 0.0002, "!": 0.0002, "？": 0.0002,
    "?": 0.0002, "—": 0.0005, "·": 0.0002, "〇": 0.0003, "○": 0.0001, "％": 0.0005, "%": 0.0005, ".": 0.001,
}  # fmt: skip
STOPS: Final = frozenset("，,。、；;：:！!？?")
UNKNOWN: Final = -1e9
_ODD: Final = 1e-10
_PLACE_SHARE: Final = 6e-7
_TERM_SHARE: Final = 5e-6  # about that of 专科 or 扶贫 in general dictionaries
_TERMS: Final = frozenset(
    re.findall(
        r"\w+",
        "应保尽保 应收尽收 应助尽助 应扶尽扶 应退尽退 应救尽救 应缴尽缴 应种尽种 应接尽接 应征尽征 应统尽统 应检尽检 应录尽录 "
        "带教 控辍 保学 五保户 低保户 脱贫户 人均 亩均 户均 县域 镇域 村集体 新农合 新农保 城镇化 农机 退耕 还林 扶贫 招商 引资 "
        "同比 环比 增幅 占比 净增 净利 规上 限上 社零 固投 财税 国税 地税 税收 两税 达标率 入学率 升学率 参保率 覆盖率",
    )
)
"""Terms of government reports that general dictionaries lack."""
_PART: Final = 0.2  # weight of a character that elsewhere in the page is part of words
_PAIR_PRIOR: Final = 20.0
_PAIR_WEIGHT: Final = 0.6  # 资金， makes 带金， no word: choices on shuffled reports are the same from 0.3 to 0.7
_NONE: Final[frozenset[str]] = frozenset()

Tail = tuple[str, float, float, float, float]
"""End of a text: the last three characters, and the best scores of the text without its last 3, 2, 1 and 0 characters."""
START: Final[Tail] = ("", UNKNOWN, UNKNOWN, UNKNOWN, 0.0)


class Tails(NamedTuple):
    """Ends of several texts, a column for each part of a `Tail`. Several may share a column,
    so none is ever changed."""

    before: list[str]
    without_3: list[float]
    without_2: list[float]
    without_1: list[float]
    score: list[float]

    @classmethod
    def of(cls, tails: Iterable[Tail]) -> Tails:
        """The columns of at least one end."""
        rows = list(tails)
        return cls(
            [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], [r[3] for r in rows], [r[4] for r in rows]
        )

    def at(self, place: int) -> Tail:
        """One of the ends."""
        before, without_3, without_2, without_1, score = self
        return before[place], without_3[place], without_2[place], without_1[place], score[place]

    def only(self, places: Sequence[int]) -> Tails:
        """The ends at these places, in columns of their own."""
        before, without_3, without_2, without_1, score = self
        return Tails(
            [before[i] for i in places],
            [without_3[i] for i in places],
            [without_2[i] for i in places],
            [without_1[i] for i in places],
            [score[i] for i in places],
        )

    def and_also(self, others: Tails) -> Tails:
        """These ends and others behind them."""
        return Tails(
            self.before + others.before,
            self.without_3 + others.without_3,
            self.without_2 + others.without_2,
            self.without_1 + others.without_1,
            self.score + others.score,
        )


_Step = tuple[float, float, float, float]
"""Log shares of the words of two, three and four characters that end in a character, and what a sign gains there."""


class _Steps:
    """What one character adds behind others; None where it makes no word with them and no sign is beside it."""

    def __init__(self) -> None:
        self.after: dict[str, _Step | None] = {}
        """By the last three characters."""
        self.after_one: dict[str, tuple[float, float] | None] = {}
        """Word of two characters and what a sign gains, by the last character."""


@lru_cache(maxsize=1)
def _places() -> frozenset[str]:
    """Names of counties, cities and districts, full and without the name of a people: 天祝县."""
    names: set[str] = set()
    table = (files("pipelines.catalogue") / "places.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines()):
        name = row["name_zh"]
        names.add(name)
        for short in re.findall(r"^(.{2,3}?)(?:[^市县区旗州]{1,4}族)+自治([县旗州])$", name):
            names.add("".join(short))
    return frozenset(n for n in names if 2 <= len(n) <= 4)


@lru_cache(maxsize=20_000)
def _sign_or_char(char: str) -> float:
    """Share of one character or sign among words."""
    from rjieba import has_word, suggest_freq

    sign = _SIGNS.get(char)
    if sign is not None:
        return sign
    if not _is_hanzi(char):
        return 1e-4 if char.isascii() and char.isalnum() else _ODD
    return max(3e-9, float(suggest_freq(char)) / _TOTAL, 1.0 / _TOTAL) if has_word(char) else 3e-9


def _word(word: str) -> float:
    """Share of a word of several characters among dictionary words; 0.0 for none."""
    from rjieba import has_word, suggest_freq

    known = _TERM_SHARE if word in _TERMS else _PLACE_SHARE if word in _places() else 0.0
    if has_word(word) and word.isalnum():
        return max(known, float(suggest_freq(word)) / _TOTAL, 1.0 / _TOTAL)
    return known


@cache
def _beyond_dictionary() -> frozenset[str]:
    """Words of several characters that general dictionaries lack."""
    return _TERMS | _places()


@cache
def word_test() -> Callable[[str], bool]:
    """What tells whether a string of several characters is a word of the dictionary or the list of places."""
    from rjieba import has_word

    own = _beyond_dictionary()
    return lambda word: (has_word(word) and word.isalnum()) or word in own


@cache
def _characters() -> dict[str, float]:
    """Log share of characters that a page has none of."""
    return {c: log(0.6 * _sign_or_char(c)) for c in (*_SIGNS, *gb2312_hanzi())}


def _is_hanzi(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"


class Ranker(dict[str, float]):
    """Scores of one page: ranker[word] is the log share of a word, UNKNOWN where neither dictionary nor page has it."""

    def __init__(self, page: str) -> None:
        from rjieba import cut, has_word  # loads its dictionary, which clean pages never need

        sample = page[:PAGE_SAMPLE]
        super().__init__(_characters())
        self._sample = sample
        self._chars = Counter(sample)
        for char in self._chars:
            self.pop(char, None)
        for char in "?？":
            self._chars[char] = 0
        self._has_word = has_word
        words = cut(sample)
        self._total = max(len(words), 1500)
        counts = Counter(words)
        self._single = counts
        self._words = {w: n for w, n in counts.items() if n > 1 and 2 <= len(w) <= 4}
        self._own = _beyond_dictionary().union(self._words)
        self._size = max(len(sample), 2000)
        self._steps: dict[str, _Steps] = {}
        self._pairs: dict[str, float] = {}
        self._beside: dict[str, tuple[Counter[str], Counter[str]]] = {}
        self._next: dict[str, set[str]] = {}
        self._before: dict[str, set[str]] = {}
        for word in self._words:
            self._next.setdefault(word[:-1], set()).add(word[-1])
            if len(word) == 2:
                self._before.setdefault(word[1], set()).add(word[0])

    def __missing__(self, word: str) -> float:
        if len(word) > 1:
            n = self._words.get(word)
            if n is not None:
                score = log(0.6 * _word(word) + 0.3 * n / self._total)
            elif self._has_word(word) or word in self._own:
                share = _word(word)
                score = log(0.6 * share) if share else UNKNOWN
            else:
                score = UNKNOWN
        else:
            alone = self._single.get(word, 0) if word not in "?？" else 0
            share = 0.6 * _sign_or_char(word) + 0.3 * alone / self._total
            score = log(share + _PART * self._chars[word] / self._size)
        self[word] = score
        return score

    def add_all(self, tails: Tails, char: str) -> Tails:
        """Several ends one character further."""
        before, without_3, without_2, without_1, without_0 = tails
        single = self[char]
        score = [known + single for known in without_0]
        known = self._after(char, before)
        if any(map(known.__getitem__, before)):
            for i, last in enumerate(before):
                step = known[last]
                if step is not None:
                    score[i] = _better(score[i], step, without_1[i], without_2[i], without_3[i])
        return Tails([last[-2:] + char for last in before], without_2, without_1, without_0, score)

    def add_each(self, tail: Tail, chars: Sequence[str]) -> Tails:
        """One end one character further, for each of several characters."""
        before, without_3, without_2, without_1, without_0 = tail
        score = [without_0 + single for single in map(self.__getitem__, chars)]
        last_one, last_two = before[-1:], before[-2:]
        if before:
            is_word, own = self._has_word, self._own
            twos = [is_word(w) or w in own for w in [last_one + c for c in chars]]
            if len(before) > 2:
                longer = [
                    is_word(w) or is_word(v) or w in own or v in own
                    for w, v in [(last_two + c, before + c) for c in chars]
                ]
            else:
                longer = [True] * len(chars)
            beside_sign = not _is_hanzi(last_one)
            for i, char in enumerate(chars):
                if twos[i] or longer[i] or beside_sign or not "\u4e00" <= char <= "\u9fff":
                    step = self._step(before, char)
                    if step is not None:
                        score[i] = _better(score[i], step, without_1, without_2, without_3)
        n = len(chars)
        return Tails([last_two + c for c in chars], [without_2] * n, [without_1] * n, [without_0] * n, score)

    def extend(self, tail: Tail, text: str) -> Tail:
        """One end further by each character of a text."""
        before, without_3, without_2, without_1, score = tail
        for char in text:
            best = score + self[char]
            step = self._after(char, (before,))[before]
            if step is not None:
                best = _better(best, step, without_1, without_2, without_3)
            before, without_3, without_2, without_1, score = before[-2:] + char, without_2, without_1, score, best
        return before, without_3, without_2, without_1, score

    def _after(self, char: str, before: Iterable[str]) -> dict[str, _Step | None]:
        """What a character adds behind others, which the dictionary returned has among its keys."""
        steps = self._steps.get(char)
        if steps is None:
            steps = self._steps[char] = _Steps()
        known = steps.after
        new = list(set(before).difference(known))
        if new:
            is_word, own = self._has_word, self._own
            # most make no word: that is found out for all of them at once
            if char.isalnum():
                longer = [
                    is_word(w) or is_word(v) or w in own or v in own
                    for w, v in [(b[-2:] + char, b + char) for b in new]
                ]
            else:
                longer = [b[-2:] + char in own or b + char in own for b in new]
            pairs = steps.after_one
            for last, found in zip(new, longer, strict=True):
                one = last[-1:]
                if one not in pairs:
                    pairs[one] = self._pair_step(one, char)
                pair = pairs[one]
                if found:
                    known[last] = self._step(last, char)
                else:
                    known[last] = None if pair is None else (pair[0], UNKNOWN, UNKNOWN, pair[1])
        return known

    def _pair_step(self, last: str, char: str) -> tuple[float, float] | None:
        if not last:
            return None
        two = self._found(last + char)
        bonus = 0.0 if _is_hanzi(last) and _is_hanzi(char) else self._pair(last + char)
        return (two, bonus) if bonus or two > UNKNOWN else None

    def _step(self, before: str, char: str) -> _Step | None:
        pair = self._pair_step(before[-1:], char)
        three = self._found(before[-2:] + char) if len(before) > 1 else UNKNOWN
        four = self._found(before + char) if len(before) > 2 else UNKNOWN
        two, bonus = pair or (UNKNOWN, 0.0)
        return (two, three, four, bonus) if pair or three > UNKNOWN or four > UNKNOWN else None

    def _found(self, word: str) -> float:
        """`self[word]` for a word of several characters, remembering only those there are."""
        return self[word] if self._has_word(word) or word in self._own else UNKNOWN

    def _pair(self, pair: str) -> float:
        """How much more or less likely a sign is beside this character than anywhere, from the page's pairs."""
        known = self._pairs.get(pair)
        if known is None:
            before, char = pair[0], pair[1]
            if char in STOPS and (before in STOPS or before == "\n"):
                known = -8.0
            else:
                expected = self._chars[before] + _PAIR_PRIOR
                seen = self._seen(before, char)
                if seen:
                    share = 0.6 * _sign_or_char(char) + 0.4 * self._chars[char] / self._size
                    known = log((seen + _PAIR_PRIOR * share) / (expected * share))
                else:
                    known = log(_PAIR_PRIOR / expected)
                known = _PAIR_WEIGHT * min(max(known, -3.0), 3.0)
            self._pairs[pair] = known
        return known

    def _seen(self, before: str, char: str) -> int:
        """How often the page has two characters, one of them a sign, beside each other."""
        sign = before if _is_hanzi(char) else char
        found = self._beside.get(sign)
        if found is None:
            pieces = self._sample.split(sign)
            # between two of the same sign stands nothing: each is the other's neighbour
            left = Counter([piece[-1:] or sign for piece in pieces[1:-1]])
            right = Counter([piece[:1] or sign for piece in pieces[1:-1]])
            if len(pieces) > 1:
                left[pieces[0][-1:]] += 1
                right[pieces[-1][:1]] += 1
            found = self._beside[sign] = (left, right)
        return found[1][char] if sign == before else found[0][before]

    def following(self, prefix: str) -> Set[str]:
        """Characters that make a word of the page with what stands before them."""
        return self._next.get(prefix, _NONE)

    def preceding(self, following: str) -> Set[str]:
        """Characters that make a word of the page with the one behind them."""
        return self._before.get(following, _NONE)


def _better(best: float, step: _Step, without_1: float, without_2: float, without_3: float) -> float:
    """The best score with the words a character makes: `best` is that of the character alone."""
    two, three, four, bonus = step
    if without_1 + two > best:
        best = without_1 + two
    if without_2 + three > best:
        best = without_2 + three
    if without_3 + four > best:
        best = without_3 + four
    return best + bonus
