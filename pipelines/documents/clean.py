"""Page furniture: what stands around a document's text and is not part of it.

Furniture is marked, not cut, so that offsets stay as they are. The patterns are data (`furniture.yaml`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from pipelines.vocabulary import read_yaml


@lru_cache(maxsize=1)
def _rules() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], int]:
    data = read_yaml(__package__, "furniture.yaml")
    return (
        re.compile("|".join(data["line_starts"])),
        re.compile("|".join(data["line_holds"])),
        re.compile("|".join(data["spam_words"]), re.IGNORECASE),
        int(data["spam_hits"]),
    )


def furniture(text: str) -> list[tuple[int, int]]:
    """Spans of page furniture and spam in restored text, whole lines, in order."""
    starts, holds, spam, needed = _rules()
    spans: list[tuple[int, int]] = []
    position = 0
    for line in text.splitlines(keepends=True):
        end = position + len(line)
        bare = line.strip()
        sentences = "。" in bare  # prose: neither a page's frame nor spam, unless it opens like one
        if bare and (
            (len(bare) < 90 and starts.match(bare))
            or (not sentences and ((len(bare) < 400 and holds.search(bare)) or len(spam.findall(bare)) >= needed))
            or bare.count("|") >= 8
        ):
            spans.append((position, end))
        position = end
    return spans
