"""How likely a stretch of Chinese is: a lattice of dictionary words mixed with the page's own words.

Belongs here: scores in nats, extended one character at a time so that a search can prune.
Does not belong here: what the bytes allow (restore_runs).
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from math import exp, log
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
_ODD: Final = 1e-10

Tail = tuple[str, float, float, float, float]
"""Last three characters and the best scores of the text without its last 3, 2, 1 and 0 characters."""
START: Final[Tail] = ("", -1e9, -1e9, -1e9, 0.0)


@lru_cache(maxsize=200_000)
def _dictionary(word: str) -> float:
    """Share of a word among dictionary words; 0.0 for none."""
    if len(word) == 1:
        sign = _SIGNS.get(word)
        if sign is not None:
            return sign
        if not "\u4e00" <= word <= "\u9fff":
            return 1e-4 if word.isascii() and word.isalnum() else _ODD
    if not rjieba.has_word(word):
        return 3e-9 if len(word) == 1 else 0.0
    return max(float(rjieba.suggest_freq(word)), 1.0) / _TOTAL


class Ranker:
    """Scores for one page."""

    def __init__(self, page: str) -> None:
        sample = page[:_PAGE_SAMPLE]
        counts: Counter[str] = Counter(sample)
        counts.update(map("".join, zip(sample, sample[1:], strict=False)))
        counts.update(map("".join, zip(sample, sample[1:], sample[2:], strict=False)))
        self._counts = counts
        self._size = max(len(sample), 2000)
        self._cache: dict[str, float] = {}

    def word(self, word: str) -> float:
        """Log share of a word, -1e9 where neither dictionary nor page knows it."""
        known = self._cache.get(word)
        if known is None:
            seen = self._counts.get(word, 0)
            if len(word) > 1 and (seen < 2 or any(c in STOPS or c.isspace() for c in word)):
                seen = 0
            share = 0.6 * _dictionary(word) + 0.4 * seen / self._size
            known = log(share) if share > 0 else -1e9
            self._cache[word] = known
        return known

    def add(self, tail: Tail, char: str) -> Tail:
        """The tail one character further."""
        before, c3, c2, c1, c0 = tail
        word = self.word
        best = c0 + word(char)
        joined = before + char
        size = len(joined)
        if size >= 2:
            score = c1 + word(joined[-2:])
            if score > best:
                best = score
            if size >= 3:
                score = c2 + word(joined[-3:])
                if score > best:
                    best = score
                if size >= 4:
                    score = c3 + word(joined)
                    if score > best:
                        best = score
        if before and char in STOPS and before[-1] in STOPS:
            best -= 8.0
        return joined[-3:], c2, c1, c0, best

    def extend(self, tail: Tail, text: str) -> Tail:
        """`add` for each character."""
        for char in text:
            tail = self.add(tail, char)
        return tail


def shares(scores: list[float]) -> list[float]:
    """Scores in nats as shares of one."""
    if not scores:
        return []
    top = max(scores)
    weights = [exp(max(s - top, -700.0)) for s in scores]
    total = sum(weights)
    return [w / total for w in weights]
