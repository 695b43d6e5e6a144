"""The lines of a text as rows of cells: which are a table's head, its rows, or neither.

Readers lay a table's cells out in one line a row, split by tabs, an empty cell between two tabs; text files also set columns
apart by blanks. What heads and labels say belongs to `table_words`, what a cell's number says to `table_reading`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.extraction.table_words import bare, read_label, read_time, read_unit, says

NUMBER = re.compile(
    r"(?P<number>(?P<sign>[-−+＋])?(?P<digits>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
    r"\s?(?P<unit>%|‰|[^\s0-9*＊①-⑳.,，()（）\[\]-]{1,6})?)\s?(?:[*＊①-⑳]{1,2}|[\[［〔][0-9]{1,2}[\]］〕])?"
)
_BETWEEN_BLANKS = re.compile(r"[^ 　]+")
_DIGITS = re.compile("[0-9]+")
_BARE_YEAR = re.compile(r"(?:19[4-9]|20[0-4])[0-9]")
_MAX_HEAD_ROWS = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """A cell's text and where it begins."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(slots=True)
class Line:
    """A line of the text with its cells by column; `tabs` tells whether tabs set them apart."""

    text: str
    start: int
    tabs: bool
    cells: dict[int, Piece]

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def only(self) -> str:
        """Its one cell, or all of them where each is part of a caption; "" for a row of a table."""
        cells = list(self.cells.values())
        captions = any("单位：" in c.text or "单位:" in c.text for c in cells)
        if (len(cells) == 1 or captions) and not any(NUMBER.fullmatch(c.text) for c in cells):
            return " ".join(c.text for c in cells)
        return "" if self.tabs or len(cells) > 1 else self.text.strip()


def lines_of(text: str) -> Iterator[Line]:
    """Every line of a text with its cells."""
    position = 0
    for whole in text.splitlines(keepends=True):
        line = whole.rstrip("\r\n")
        start, position = position, position + len(whole)
        cells: dict[int, Piece] = {}
        tabs = "\t" in line
        if tabs:
            at = 0
            for n, cell in enumerate(line.split("\t")):
                if stripped := cell.strip():
                    cells[n] = Piece(stripped, start + at + cell.index(stripped))
                at += len(cell) + 1
        elif " " in line or "　" in line:
            for n, piece in enumerate(_BETWEEN_BLANKS.finditer(line)):
                cells[n] = Piece(piece.group(), start + piece.start())
        elif line:
            cells[0] = Piece(line, start)
        yield Line(line, start, tabs, cells)


def is_figure(text: str) -> bool:
    """True for a number alone or with its unit; 2020年 and 6月 are times."""
    hit = NUMBER.fullmatch(text)
    return hit is not None and (
        hit["unit"] is None or (read_unit(hit["unit"]) is not None and not read_time(bare(text))[0])
    )


def numbers_columns(line: Line) -> bool:
    """True for the row below a head that numbers its columns: 甲 | 1 | 2 | 3."""
    texts = [bare(c.text) for _, c in sorted(line.cells.items())]
    numbers = [int(t) for t in texts if _DIGITS.fullmatch(t)]
    return (
        len(numbers) > 1
        and numbers[0] in (1, 2)
        and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        and all(_DIGITS.fullmatch(t) or t in ("甲", "乙", "丙", "丁", "栏次", "列次", "序号") for t in texts)
    )


def is_year(text: str) -> bool:
    return _BARE_YEAR.fullmatch(text) is not None


def head_rows(lines: Sequence[Line], at: int) -> int:
    """Rows of the head that begins at a line; 0 where it is none."""
    first = lines[at]
    if not _is_head_row(first) or (not first.tabs and not _sure_head(first)):
        return 0
    rows = 1
    if not first.tabs:
        return rows
    named = set(first.cells)
    repeated = {n for n, c in first.cells.items() if sum(c.text == o.text for o in first.cells.values()) > 1}
    while rows < _MAX_HEAD_ROWS and at + rows < len(lines):
        line = lines[at + rows]
        units = bool(line.cells) and all(read_unit(bare(c.text)) for n, c in line.cells.items() if n)
        more = set(line.cells) - named
        told_apart = bool(repeated) and repeated <= set(line.cells)
        under = {n for n in line.cells if n in named and n not in repeated}
        if not line.tabs or not line.cells or not _is_head_row(line) or not (units or more or told_apart):
            break
        if not units and len(more) <= len(under) and not told_apart and 0 in under:
            break  # a row of names that stands below the head as a whole
        if told_apart:
            repeated = set()
        named |= set(line.cells)
        rows += 1
    return rows


def _is_head_row(line: Line) -> bool:
    """True for a row of names, units and times; plain years count where they follow one another or a head's word."""
    cells = list(line.cells.items())
    if len(cells) < 2 and not (line.tabs and cells and cells[0][0] > 0):
        return False
    if any("单位:" in c.text or "单位：" in c.text for _, c in cells):
        return False
    if any(is_figure(c.text) and not is_year(c.text) for _, c in cells) or any(
        says("missing", bare(c.text)) for n, c in cells if n
    ):
        return False
    years = [int(c.text) for _, c in cells if is_year(c.text)]
    if not years:
        return not any(says("title_end", c.text) for _, c in cells)
    first = line.cells.get(0)
    steps = {b - a for a, b in zip(years, years[1:], strict=False)}
    regular = len(years) > 1 and len(steps) == 1 and steps <= {1, -1, 5, 10} or len(set(years)) == 1 < len(years)
    if first is None or is_year(first.text):
        return first is None and (regular or len(years) == 1 or sorted(years) == years)
    name = bare(first.text)
    return (
        regular
        or any(
            says(kind, read_label(name).name or name)
            for kind in ("indicator_head", "place_head", "unit_head", "ordinal_head")
        )
        or ("\\" in name or "/" in name)
    )  # 指标\年份


def _sure_head(line: Line) -> bool:
    """True for words set apart by blanks that can only be a table's head: three or more, one with a unit, or years."""
    if len(line.cells) < 3:
        return False
    labels = [read_label(c.text) for c in line.cells.values()]
    return any(x.unit and x.name for x in labels) or sum(1 for x in labels if x.time and not x.name) > 1


def width_of(head: Sequence[Line]) -> int:
    """Columns that a head names."""
    return max((max(line.cells) + 1 for line in head if line.cells), default=0)


def is_row(line: Line, head: Sequence[Line]) -> bool:
    """True where a line can be a row below a head: figures or marks of missing ones behind a name."""
    if line.tabs != head[0].tabs:
        return False
    behind = [c.text for n, c in line.cells.items() if n]
    if not line.tabs and len(line.cells) != len(head[0].cells):
        return False
    figures = sum(1 for text in behind if is_figure(text))
    missing = sum(1 for text in behind if says("missing", bare(text)))
    if not behind or max(line.cells) >= width_of(head):
        return bool(figures) and line.tabs
    if not line.tabs:
        return figures >= max(1, len(behind) // 2)
    return figures + missing > 0 and not (figures and all(is_year(t) for t in behind) and _is_head_row(line))
