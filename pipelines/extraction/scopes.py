"""The part of a county a number is about: the township a report is of, or the one its clause names.

A township's figure must not stand in the county's series. Which county a section is about is decided in
`catalogue.places`; the words 全县, 我区 in front of a phrase are cut off in `phrases`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pipelines.catalogue.places import load as load_places
from pipelines.extraction.cues import cue
from pipelines.extraction.surroundings import Layout

_TOWN_ENDS = re.compile("镇|乡|街道")
_LONGEST_TOWN = 10
_TITLE = 48  # characters a title line has at most
_TITLE_LINES = 3  # lines of a section in which its title stands
_REPORT_WORDS = cue("report_title")
_OWN_TOWN = cue("own_town")
_RANKED = cue("ranked_town")


@lru_cache(maxsize=65536)
def town_in(words: str) -> tuple[str, int, int] | None:
    """Name, start and end of the last township named in a piece of text; None where there is none.

    >>> town_in("利川市忠路镇2012年工作总结")
    ('忠路镇', 3, 6)
    >>> town_in("各乡镇人民政府") is None
    True
    """
    towns = load_places().towns
    for hit in reversed(list(_TOWN_ENDS.finditer(words))):
        for start in range(max(0, hit.end() - _LONGEST_TOWN), hit.start()):
            if words[start : hit.end()] in towns:
                return words[start : hit.end()], start, hit.end()
    return None


def section_scope(text: str, start: int, end: int) -> str:
    """The township whose report a section is, by its title line (利川市忠路镇2012年工作总结); "" for any other section."""
    position = start
    for _ in range(_TITLE_LINES):
        stop = text.find("\n", position, end)
        stop = end if stop < 0 else stop
        line = text[position:stop].strip()
        if line:
            found = town_in(line) if len(line) <= _TITLE and _REPORT_WORDS.search(line) else None
            if found is not None:
                return found[0]
        position = stop + 1
        if position >= end:
            break
    return ""


def clause_scope(layout: Layout, clause_start: int, floor: int, position: int) -> str:
    """The township that the clause of a number opens with, or that the clause before ranks (其中敖山镇最高，为95.2%)."""
    text = layout.text
    if _TOWN_ENDS.search(text, clause_start, position):
        own = text[clause_start:position]
        found = town_in(own)
        opens = found is not None and _OWN_TOWN.fullmatch(own, 0, found[1]) is not None
        # 马站镇等5个乡镇: the first of several; 在马站镇: where a thing happened
        return found[0] if found is not None and opens and not own.startswith("等", found[2]) else ""
    if clause_start <= floor or not _TOWN_ENDS.search(text, floor, clause_start - 1):
        return ""
    before = text[layout.clause_start(clause_start - 1, floor) : clause_start - 1]
    found = town_in(before) if _TOWN_ENDS.search(before) else None
    return found[0] if found is not None and _RANKED.match(before, found[2]) else ""


def is_own_township(scope: str) -> bool:
    """True for words with which a township speaks of itself: 全镇, 我乡."""
    return len(scope) == 2 and scope[0] in "全我本" and scope[1] in "镇乡"
