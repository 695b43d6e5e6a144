"""How likely a stretch of Chinese is: a lattice of dictionary words mixed with the page's own words.

Belongs here: scores in nats, extended one character at a time so that a search can prune.
Does not belong here: what the bytes allow (restore_runs).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import lru_cache
from importlib.resources import files
from math import log
from typing import Final

import rjieba

_TOTAL: Final = 60_101_967.0
_PAGE_SAMPLE: Final = 60_000
_SIGNS: Final = {
    "，": 0.04, ",": 0.04, "。": 0.02, "、": 0.02, "；": 0.003, ";": 0.003, "：": 0.003, ":": 0.003, "“": 0.004, "”": 0.004,
    "（": 0.002, "）": 0.002, "(": 0.002, ")": 0.002, "《": 0.001, "》": 0.001, "！": 0.0002, "!": 0.0002, "？": 0.0002,
    "?": 0.0002, "—": 0.0005, "·": 0.0002, "％": 0.0005, "%": 0.0005, ".": 0.001,
}  # fmt: skip
STOPS: Final = frozenset("，,。、；;：:！!？?")
UNKNOWN: Final = -1e9
_ODD: Final = 1e-10
_PLACE_SHARE: Final = 6e-7
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
    return frozenset(n for n in names if 2 <= len(n) <= 4) | _TERMS


@lru_cache(maxsize=200_000)
def _dictionary(word: str) -> float:
    """Share of a word among dictionary words; 0.0 for none."""
    if len(word) == 1:
        sign = _SIGNS.get(word)
        if sign is not None:
            return sign
        if not "\u4e00" <= word <= "\u9fff":
            return 1e-4 if word.isascii() and word.isalnum() else _ODD
    known = _PLACE_SHARE if word in _places() else 3e-9 if len(word) == 1 else 0.0
    if rjieba.has_word(word):
        return max(known, float(rjieba.suggest_freq(word)) / _TOTAL, 1.0 / _TOTAL)
    return known


def _is_hanzi(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"


class Ranker(dict[str, float]):
    """Scores of one page: ranker[word] is the log share of a word, UNKNOWN where neither dictionary nor page has it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        sample = page[:_PAGE_SAMPLE]
        words: Counter[str] = Counter(rjieba.cut(sample))
        self._words = {w: n for w, n in words.items() if len(w) == 1 or (n > 1 and len(w) <= 4)}
        self._chars: Counter[str] = Counter(sample)
        for char in "?？":
            self._words.pop(char, None)
            self._chars[char] = 0
        self._following: Counter[str] = Counter(
            a + b for a, b in zip(sample, sample[1:], strict=False) if not (_is_hanzi(a) and _is_hanzi(b))
        )
        self._total = max(sum(words.values()), 1500)
        self._size = max(len(sample), 2000)
        self._pairs: dict[str, float] = {}

    def __missing__(self, word: str) -> float:
        share = 0.6 * _dictionary(word) + 0.3 * self._words.get(word, 0) / self._total
        if len(word) == 1:
            share += _PART * self._chars[word] / self._size
        score = self[word] = log(share) if share > 0 else UNKNOWN
        return score

    def add(self, tail: Tail, char: str) -> Tail:
        """The tail one character further."""
        before, c3, c2, c1, c0 = tail
        best = c0 + self[char]
        joined = before + char
        size = len(joined)
        if size >= 2:
            score = c1 + self[joined[-2:]]
            if score > best:
                best = score
            if size >= 3:
                score = c2 + self[joined[-3:]]
                if score > best:
                    best = score
                if size >= 4:
                    score = c3 + self[joined]
                    if score > best:
                        best = score
            if not ("\u4e00" <= char <= "\u9fff" and "\u4e00" <= before[-1] <= "\u9fff"):
                best += self._pair(before[-1] + char)
        return joined[-3:], c2, c1, c0, best

    def _pair(self, pair: str) -> float:
        """How much more or less likely a sign is beside this character than anywhere, from the page's pairs."""
        known = self._pairs.get(pair)
        if known is None:
            if pair[1] in STOPS and (pair[0] in STOPS or pair[0] == "\n"):
                known = -8.0
            else:
                share = 0.6 * _dictionary(pair[1]) + 0.4 * self._chars[pair[1]] / self._size
                seen = self._following[pair] + _PAIR_PRIOR * share
                known = log(seen / ((self._chars[pair[0]] + _PAIR_PRIOR) * share))
                known = min(max(known, -3.0), 3.0)
            self._pairs[pair] = known
        return known

    def extend(self, tail: Tail, text: str) -> Tail:
        """`add` for each character."""
        for char in text:
            tail = self.add(tail, char)
        return tail
