"""Tables laid out as lines: where they stand in a text, and their numbers among its mentions.

Heads of one or more rows, rows of names and numbers, long or wide. What is a head or a row belongs to `table_lines`, what
a number of a table says to `table_reading`, prose to `attribution`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from pipelines.extraction.mentions import Mention
from pipelines.extraction.table_lines import Line, head_rows, is_figure, is_row, lines_of, numbers_columns
from pipelines.extraction.table_reading import Cell, Reader, Tables, title_above
from pipelines.extraction.table_words import bare, caption_units, says

_THREE_WORDS = re.compile(r"\S[ 　]+\S+[ 　]+\S")
_DIGITS = re.compile("[0-9]+")
_LONGEST_GROUP = 20


def find_tables(text: str) -> Tables:
    """Every table of restored text: a head, and rows whose numbers stand below it."""
    if "\t" not in text and not _words_apart(text):
        return Tables()  # prose, as nearly every report is
    cells: list[Cell] = []
    marks: list[Mention] = []
    names: list[tuple[int, int]] = []
    filled: list[tuple[int, int]] = []
    lines = list(lines_of(text))
    above = at = 0  # first line that may be a title; line looked at
    while at < len(lines):
        found = _table(lines, above, at) if len(lines[at].cells) > 1 else None
        if found is None:
            at += 1
            continue
        table, at = found
        above = at
        cells += table.cells
        marks += table.marks
        names += table.names
        filled += table.lines
    return Tables(tuple(cells), tuple(marks), tuple(names), tuple(filled))


def _words_apart(text: str) -> bool:
    """True where a line holds three words set apart by blanks; splitting lines costs a fifth of one search in the text."""
    return any(len(line.split(None, 2)) > 2 and _THREE_WORDS.search(line) for line in text.splitlines())


def overlay(mentions: Sequence[Mention], tables: Tables) -> list[Mention]:
    """Mentions with those of tables in place of what reading the lines as prose found there, in order.

    Numbers inside names (65岁及以上) are labels; what is in no cell that could be read is `unread`. Every digit stays in
    exactly one mention.
    """
    own = sorted([c.mention for c in tables.cells] + list(tables.marks), key=lambda m: m.start)
    starts = [m.start for m in own]
    kept: list[Mention] = []
    for m in mentions:
        i = bisect_right(starts, m.start)
        covering = [o for o in own[max(0, i - 1) : bisect_right(starts, m.end - 1)] if o.end > m.start]
        if covering:
            position = m.start
            for o in [*covering, None]:
                stop = o.start if o else m.end
                kept += [
                    _unread(p.group(), position + p.start())
                    for p in _DIGITS.finditer(m.text[position - m.start : max(0, stop - m.start)])
                ]
                position = max(position, o.end) if o else position
        elif m.mention_class == "quantity" and _inside(m, tables.names):
            kept.append(replace(m, mention_class="label", rule="table_label", value=None, values=(), unit=None))
        elif m.mention_class == "quantity" and _inside(m, tables.lines):
            kept.append(replace(m, mention_class="unread", rule="table_cell", value=None, values=(), unit=None))
        else:
            kept.append(m)
    return sorted(kept + own, key=lambda m: m.start)


def _unread(digits: str, start: int) -> Mention:
    return Mention(start, start + len(digits), digits, "unread", "table_cell")


def _inside(m: Mention, spans: Sequence[tuple[int, int]]) -> bool:
    i = bisect_right(spans, (m.start, 1 << 60)) - 1
    return i >= 0 and m.start < spans[i][1]


def _table(lines: Sequence[Line], above: int, at: int) -> tuple[Tables, int] | None:
    """The table whose head begins at a line, and the line behind its last row; None where there is none."""
    end = at + head_rows(lines, at)
    head = lines[at:end]
    if not head:
        return None
    numbered = end < len(lines) and numbers_columns(lines[end])
    aside = lines[end : end + 1] if numbered else []
    body, groups, end = _body(lines, end + len(aside), head)
    if not any(is_figure(c.text) for line in body for n, c in line.cells.items() if n or len(line.cells) > 1):
        return None
    made = Reader(head, aside, body, groups, title_above(lines, above, at)).read()
    return (made, end) if made is not None else None


def _body(lines: Sequence[Line], at: int, head: Sequence[Line]) -> tuple[list[Line], dict[int, str], int]:
    """The rows from a line on, names of groups by the number of the row that holds them, and the line behind the last."""
    body: list[Line] = []
    groups: dict[int, str] = {}
    first = [c.text for c in head[0].cells.values()]
    while at < len(lines):
        line = lines[at]
        if not line.cells:
            if not line.tabs and not head[0].tabs:
                break  # an empty line ends a table set apart by blanks
        elif name := line.only():
            if not _opens_group(name, lines, at, head):
                break
            groups[len(body)] = name
            body.append(line)
        elif is_row(line, head):
            body.append(line)
        elif [c.text for c in line.cells.values()] != first:  # the head again, as on the next page, is passed over
            break
        at += 1
    while body and len(body) - 1 in groups:
        groups.pop(len(body) - 1)
        body.pop()
    return body, groups, at


def _opens_group(name: str, lines: Sequence[Line], at: int, head: Sequence[Line]) -> bool:
    """True for a line with one name in the first column that rows follow: 一、教育; no caption, note or sentence."""
    line = lines[at]
    if not head[0].tabs or set(line.cells) != {0} or len(name) > _LONGEST_GROUP:
        return False
    if says("notes", bare(name)) or says("title_end", name) or caption_units(name) is not None:
        return False
    following = next((n for n in range(at + 1, len(lines)) if lines[n].cells), None)
    return following is not None and is_row(lines[following], head)
