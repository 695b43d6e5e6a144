"""How likely a stretch of Chinese is: a lattice of dictionary words mixed with the page's own words.

Belongs here: scores in nats, extended one character at a time so that a search can prune.
Does not belong here: what the bytes allow (restore_runs).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Set
from functools import lru_cache
from importlib.resources import files
from math import log
from typing import Final

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
_BESIDE_SIGN: Final = re.compile(r"(?s)(?=([^\u4e00-\u9fff].|[\u4e00-\u9fff][^\u4e00-\u9fff]))")

Tail = tuple[str, float, float, float, float]
"""Last three characters and the best scores of the text without its last 3, 2, 1 and 0 characters."""
START: Final[Tail] = ("", -1e9, -1e9, -1e9, 0.0)


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


class _Words(dict[str, float]):
    """Log share of words of several characters that no page has of its own; UNKNOWN for what is no word.

    Damaged pages ask for the same few words again and again, above all for the same ones that do not exist.
    """

    def __missing__(self, word: str) -> float:
        if len(self) >= _MOST_WORDS:
            self.clear()
        share = _word(word)
        score = self[word] = log(0.6 * share) if share else UNKNOWN
        return score


_SHARED: Final = _Words()
_MOST_WORDS: Final = 100_000


def _word(word: str) -> float:
    """Share of a word of several characters among dictionary words; 0.0 for none."""
    from rjieba import has_word, suggest_freq

    known = _TERM_SHARE if word in _TERMS else _PLACE_SHARE if word in _places() else 0.0
    if word.isalnum() and has_word(word):
        return max(known, float(suggest_freq(word)) / _TOTAL, 1.0 / _TOTAL)
    return known


def is_word(word: str) -> bool:
    """True for a word of several characters of the dictionary or the list of places."""
    return _SHARED[word] > UNKNOWN


def _is_hanzi(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"


class Ranker(dict[str, float]):
    """Scores of one page: ranker[word] is the log share of a word, UNKNOWN where neither dictionary nor page has it."""

    def __init__(self, page: str) -> None:
        from rjieba import cut  # loads its dictionary, which clean pages never need

        super().__init__()
        sample = page[:PAGE_SAMPLE]
        words = Counter(cut(sample))
        self._words = {w: n for w, n in words.items() if n > 1 and 2 <= len(w) <= 4}
        self._chars: Counter[str] = Counter()
        self._single = {w: n for w, n in words.items() if len(w) == 1 and w not in "?？"}
        chars = self._chars
        for word, n in words.items():
            for char in word:
                chars[char] += n
        for char in "?？":
            chars[char] = 0
        self._following = Counter(_BESIDE_SIGN.findall(sample))
        self._total = max(words.total(), 1500)
        self._size = max(len(sample), 2000)
        self._pairs: dict[str, float] = {}
        self._after: dict[str, set[str]] = {}
        for word in self._words:
            self._after.setdefault(word[:-1], set()).add(word[-1])

    def __missing__(self, word: str) -> float:
        if len(word) > 1:
            n = self._words.get(word)
            score = _SHARED[word] if n is None else log(0.6 * _word(word) + 0.3 * n / self._total)
        else:
            share = 0.6 * _sign_or_char(word) + 0.3 * self._single.get(word, 0) / self._total
            score = log(share + _PART * self._chars[word] / self._size)
        self[word] = score
        return score

    def add(self, tail: Tail, char: str) -> Tail:
        """The tail one character further."""
        return self.add_each(tail, (char,))[0]

    def add_each(self, tail: Tail, chars: Iterable[str], known: Iterable[Set[str]] = ()) -> list[Tail]:
        """The tail one character further, for each of several characters.

        `known` are the characters among them that make a word with the last one, two and three before them; without
        it they are looked up.
        """
        before, c3, c2, c1, c0 = tail
        last, two = before[-1:], before[-2:]
        beside_sign = bool(last) and not _is_hanzi(last)
        after_one, after_two, after_three = known or (None, None, None)
        out: list[Tail] = []
        for char in chars:
            best = c0 + self[char]
            if last:
                if after_one is None or char in after_one:
                    score = c1 + self[last + char]
                    if score > best:
                        best = score
                if len(two) == 2 and (after_two is None or char in after_two):
                    score = c2 + self[two + char]
                    if score > best:
                        best = score
                if len(before) == 3 and (after_three is None or char in after_three):
                    score = c3 + self[before + char]
                    if score > best:
                        best = score
                if beside_sign or not "\u4e00" <= char <= "\u9fff":
                    best += self._pair(last + char)
            out.append((two + char, c2, c1, c0, best))
        return out

    def add_all(self, tails: Iterable[Tail], char: str) -> list[Tail]:
        """Several tails one character further."""
        single = self[char]
        hanzi = "\u4e00" <= char <= "\u9fff"
        out: list[Tail] = []
        known: str | None = None
        after = ""
        two = three = four = UNKNOWN
        bonus = 0.0
        for before, c3, c2, c1, c0 in tails:
            if before != known:
                known = before
                after = before[-2:] + char
                bonus = 0.0
                two = three = four = UNKNOWN
                if before and not (hanzi and not before[-1].isalnum()):  # no word has a sign in front of a character
                    two = self[after[-2:]]
                    if len(after) == 3 and (not hanzi or after.isalnum()):
                        three = self[after]
                        if len(before) == 3 and (not hanzi or before[0].isalnum()):
                            four = self[before + char]
                if before and not (hanzi and "\u4e00" <= before[-1] <= "\u9fff"):
                    bonus = self._pair(before[-1] + char)
            best = c0 + single
            if two > UNKNOWN and c1 + two > best:
                best = c1 + two
            if three > UNKNOWN and c2 + three > best:
                best = c2 + three
            if four > UNKNOWN and c3 + four > best:
                best = c3 + four
            out.append((after, c2, c1, c0, best + bonus))
        return out

    def _pair(self, pair: str) -> float:
        """How much more or less likely a sign is beside this character than anywhere, from the page's pairs."""
        known = self._pairs.get(pair)
        if known is None:
            before, char = pair[0], pair[1]
            if char in STOPS and (before in STOPS or before == "\n"):
                known = -8.0
            else:
                expected = self._chars[before] + _PAIR_PRIOR
                seen = self._following[pair]
                if seen:
                    share = 0.6 * _sign_or_char(char) + 0.4 * self._chars[char] / self._size
                    known = log((seen + _PAIR_PRIOR * share) / (expected * share))
                else:
                    known = log(_PAIR_PRIOR / expected)
                known = _PAIR_WEIGHT * min(max(known, -3.0), 3.0)
            self._pairs[pair] = known
        return known

    def extend(self, tail: Tail, text: str) -> Tail:
        """`add` for each character of a text."""
        tails = [tail]
        for char in text:
            tails = self.add_all(tails, char)
        return tails[0]

    def following(self, prefix: str) -> Set[str]:
        """Characters that make a word of the page with what stands before them."""
        return self._after.get(prefix, _NONE)

    def preceding(self, char: str, following: str) -> bool:
        """True when the page has a word of the two characters."""
        return char + following in self._words
