"""Tables laid out as lines: heads of one or more rows, rows of names and numbers, long or wide.

Readers lay a table's cells out in one line a row, split by tabs, an empty cell between two tabs; text files also set
columns apart by blanks. Here a number gets what its column, its row and the lines above the head say: indicator, place or
part, time, unit, kind. Nothing is guessed: where they do not settle the time or the unit, or say two, the number has none
and a flag. What a single head or label says belongs to `table_words`, prose to `attribution`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from pipelines.catalogue.indicators import finder, normalise
from pipelines.extraction.mentions import Mention
from pipelines.extraction.numerals import arabic_value
from pipelines.extraction.table_words import (
    UNSETTLED,
    Label,
    bare,
    caption_units,
    read_label,
    read_time,
    read_unit,
    says,
    unit_for,
)

_NUMBER = re.compile(
    r"(?P<number>(?P<sign>[-−+＋])?(?P<digits>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
    r"\s?(?P<unit>%|‰|[^\s0-9*＊①-⑳.,，()（）\[\]-]{1,6})?)\s?(?:[*＊①-⑳]{1,2}|[\[［〔][0-9]{1,2}[\]］〕])?"
)
_BETWEEN_TABS = re.compile(r"[^\t]+")
_BETWEEN_BLANKS = re.compile(r"[^ 　]+")
_THREE_WORDS = re.compile(r"\S[ 　]+\S+[ 　]+\S")
_DIGITS = re.compile("[0-9]+")
_BARE_YEAR = re.compile(r"(?:19[4-9]|20[0-4])[0-9]")
_TITLE_NOISE = re.compile(
    r"(?:附?[表图][0-9一二三四五六七八九十]*(?:[-—.][0-9]+)?[:：、.]?|[（(]?(?:计量)?单位[:：].*$|(?:基本)?(?:情况|主要指标|指标|数据)?(?:一览|统计|汇总|对比|明细)?表?$)"
)
_OF_ALL = re.compile(
    r"^(?:[一-鿿]{1,8}[县区市州省旗])?(?:分|各|按)?(?:县市区|县（市、区）|县区|市县|县市|区县|县|乡镇|镇乡|乡|镇|地区|街道|村)?(?:历年|主要年份|分年度?)?(?:的)?"
)
_YEAR = re.compile("[0-9]{4}")
_COUNTY = re.compile(r"[一-鿿]{1,10}[县区市旗]")
_MAX_HEAD_ROWS = 4
_TITLE_LINES = 4
_LONGEST_TITLE = 60
_LONGEST_GROUP = 20


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a table: where it stands and what its column, its row and its table say.

    `row` is the place or part the row names, `scope` other words that narrow the figure down; `period` is "" where the
    table says nothing of time and None where what it says settles no period.
    """

    mention: Mention
    column: str
    row: str
    period: str | None
    scope: str = ""
    kind: str = "actual"
    level: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables of a text: figures in order; heads and labels whose numbers are times or codes; the lines they fill."""

    cells: tuple[Cell, ...] = ()
    marks: tuple[Mention, ...] = ()
    names: tuple[tuple[int, int], ...] = ()
    lines: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(slots=True)
class _Line:
    """A line of the text with its cells by column; `tabs` tells whether tabs set them apart."""

    text: str
    start: int
    tabs: bool
    cells: dict[int, _Piece]

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def only(self) -> str:
        """Its one cell, or all of them where each is part of a caption; "" for a row of a table."""
        cells = list(self.cells.values())
        captions = any("单位：" in c.text or "单位:" in c.text for c in cells)
        if (len(cells) == 1 or captions) and not any(_NUMBER.fullmatch(c.text) for c in cells):
            return " ".join(c.text for c in cells)
        return "" if self.tabs or len(cells) > 1 else self.text.strip()


@dataclass(slots=True)
class _Title:
    """What the lines above a head say for the whole table."""

    texts: list[str] = field(default_factory=list)
    period: str = ""
    level: bool = False
    units: tuple[tuple[str, str], ...] = ()
    name: str = ""


@dataclass(slots=True)
class _Column:
    """What the head of a column says, its texts from above put together, and what its cells are."""

    labels: list[Label]
    name: str = ""
    role: str = "value"  # value, name, unit, time, ordinal, note
    head: str = ""


def find_tables(text: str) -> Tables:
    """Every table of restored text: a head, and rows whose numbers stand below it."""
    if "\t" not in text and not _words_apart(text):
        return Tables()  # prose, as nearly every report is
    cells: list[Cell] = []
    marks: list[Mention] = []
    names: list[tuple[int, int]] = []
    filled: list[tuple[int, int]] = []
    lines = list(_lines(text))
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


def _lines(text: str) -> Iterator[_Line]:
    position = 0
    for whole in text.splitlines(keepends=True):
        line = whole.rstrip("\r\n")
        start, position = position, position + len(whole)
        cells: dict[int, _Piece] = {}
        tabs = "\t" in line
        if tabs:
            at = 0
            for n, cell in enumerate(line.split("\t")):
                if stripped := cell.strip():
                    cells[n] = _Piece(stripped, start + at + cell.index(stripped))
                at += len(cell) + 1
        elif " " in line or "　" in line:
            for n, piece in enumerate(_BETWEEN_BLANKS.finditer(line)):
                cells[n] = _Piece(piece.group(), start + piece.start())
        elif line:
            cells[0] = _Piece(line, start)
        yield _Line(line, start, tabs, cells)


def _table(lines: Sequence[_Line], above: int, at: int) -> tuple[Tables, int] | None:
    """The table whose head begins at a line, and the line behind its last row; None where there is none."""
    head_rows = _head(lines, at)
    if not head_rows:
        return None
    body: list[_Line] = []
    groups: dict[int, str] = {}  # row number in the body -> the name of the group that begins with it
    end = at + head_rows
    head = lines[at:end]
    if end < len(lines) and _numbers_columns(lines[end]):
        end += 1
    aside = lines[at + head_rows : end]
    width = max((max(line.cells) + 1 for line in head if line.cells), default=0)
    while end < len(lines):
        line = lines[end]
        if not line.cells:
            if not line.tabs and not lines[at].tabs:
                break  # an empty line ends a table set apart by blanks
            end += 1
            continue
        alone = line.only()
        if alone:
            following = next((n for n in range(end + 1, len(lines)) if lines[n].cells), None)
            grouped = (
                lines[at].tabs
                and line.tabs is not None
                and 0 in line.cells
                and len(line.cells) == 1
                and len(alone) <= _LONGEST_GROUP
                and not says("notes", bare(alone))
                and not says("title_end", alone)
                and caption_units(alone) is None
                and following is not None
                and _is_row(lines[following], head, width)
            )
            if not grouped:
                break
            groups[len(body)] = alone
            body.append(line)
        elif _is_row(line, head, width):
            body.append(line)
        elif [c.text for c in line.cells.values()] == [c.text for c in head[0].cells.values()]:
            pass  # the head again, as on the next page
        else:
            break
        end += 1
    while body and len(body) - 1 in groups:
        groups.pop(len(body) - 1)
        body.pop()
    if not any(_figure(c.text) for line in body for n, c in line.cells.items() if n or len(line.cells) > 1):
        return None
    title = _title(lines, above, at)
    made = _Reader(head, aside, body, groups, title, width).read()
    return (made, end) if made is not None else None


def _figure(text: str) -> bool:
    """True for a number alone or with its unit; 2020年 and 6月 are times."""
    hit = _NUMBER.fullmatch(text)
    return hit is not None and (
        hit["unit"] is None or (read_unit(hit["unit"]) is not None and not read_time(bare(text))[0])
    )


def _numbers_columns(line: _Line) -> bool:
    """True for the row below a head that numbers its columns: 甲 | 1 | 2 | 3."""
    texts = [bare(c.text) for _, c in sorted(line.cells.items())]
    numbers = [int(t) for t in texts if _DIGITS.fullmatch(t)]
    return (
        len(numbers) > 1
        and numbers[0] in (1, 2)
        and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        and all(_DIGITS.fullmatch(t) or t in ("甲", "乙", "丙", "丁", "栏次", "列次", "序号") for t in texts)
    )


def _is_year(text: str) -> bool:
    return _BARE_YEAR.fullmatch(text) is not None


def _head(lines: Sequence[_Line], at: int) -> int:
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


def _is_head_row(line: _Line) -> bool:
    """True for a row of names, units and times; plain years count where they follow one another or a head's word."""
    cells = list(line.cells.items())
    if len(cells) < 2 and not (line.tabs and cells and cells[0][0] > 0):
        return False
    if any("单位:" in c.text or "单位：" in c.text for _, c in cells):
        return False
    if any(_figure(c.text) and not _is_year(c.text) for _, c in cells) or any(
        says("missing", bare(c.text)) for n, c in cells if n
    ):
        return False
    years = [int(c.text) for _, c in cells if _is_year(c.text)]
    if not years:
        return not any(says("title_end", c.text) for _, c in cells)
    first = line.cells.get(0)
    steps = {b - a for a, b in zip(years, years[1:], strict=False)}
    regular = len(years) > 1 and len(steps) == 1 and steps <= {1, -1, 5, 10} or len(set(years)) == 1 < len(years)
    if first is None or _is_year(first.text):
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


def _sure_head(line: _Line) -> bool:
    """True for words set apart by blanks that can only be a table's head: three or more, one with a unit, or years."""
    if len(line.cells) < 3:
        return False
    labels = [read_label(c.text) for c in line.cells.values()]
    return any(x.unit and x.name for x in labels) or sum(1 for x in labels if x.time and not x.name) > 1


def _is_row(line: _Line, head: Sequence[_Line], width: int) -> bool:
    """True where a line can be a row below a head: figures or marks of missing ones behind a name."""
    if line.tabs != head[0].tabs:
        return False
    behind = [c.text for n, c in line.cells.items() if n]
    if not line.tabs and len(line.cells) != len(head[0].cells):
        return False
    figures = sum(1 for text in behind if _figure(text))
    missing = sum(1 for text in behind if says("missing", bare(text)))
    if not behind or max(line.cells) >= width:
        return bool(figures) and line.tabs
    if not line.tabs:
        return figures >= max(1, len(behind) // 2)
    return figures + missing > 0 and not (figures and all(_is_year(t) for t in behind) and _is_head_row(line))


def _title(lines: Sequence[_Line], above: int, at: int) -> _Title:
    title = _Title()
    for line in reversed(lines[max(above, at - 2 * _TITLE_LINES) : at]):
        if not line.text.strip():
            continue
        text = line.only() if line.tabs else line.text.strip()
        if not text or len(text) > _LONGEST_TITLE or says("notes", bare(text)) or len(title.texts) == _TITLE_LINES:
            break
        if says("title_end", text):
            break
        title.texts.append(text)
        if not title.units and (units := caption_units(text)) is not None:
            title.units = units
        rest = re.sub(r"[（(]?(?:计量)?单位[:：].*$", "", bare(text))
        label = read_label(rest)
        if not title.period and label.time:
            title.period, title.level = label.time, label.level
        if not title.units and label.unit:
            title.units = ((label.scale, label.unit),)
        if not title.name:
            title.name = _OF_ALL.sub("", _TITLE_NOISE.sub("", label.name))
    return title


class _Reader:
    """Puts together what columns, rows and title say for each number of one table."""

    def __init__(
        self,
        head: Sequence[_Line],
        aside: Sequence[_Line],
        body: Sequence[_Line],
        groups: dict[int, str],
        title: _Title,
        width: int,
    ) -> None:
        self._head, self._aside, self._body, self._groups, self._title = head, aside, body, groups, title
        self._tabs = head[0].tabs
        self._named: set[int] | None = None
        self._columns = [self._column(n) for n in range(width)]
        self._filled = self._fill()
        for n, column in enumerate(self._columns):
            column.role = self._role(n, column)
        self._values = [n for n, c in enumerate(self._columns) if c.role == "value"]
        self._by_column = self._columns_name_indicators()
        # 合计 among counties is none of them; among townships it is the county
        names = [
            bare(row[n]) for row in self._filled for n, c in enumerate(self._columns) if c.role == "name" and n in row
        ]
        names += [self._columns[n].name for n in self._values]
        self._lists_counties = any(_COUNTY.fullmatch(name) and not says("whole", name) for name in names)

    def read(self) -> Tables | None:
        """Figures, marks and lines; None where nothing tells what the numbers are."""
        cells: list[Cell] = []
        group = ""
        above: tuple[str, Label] | None = None
        for number, line in enumerate(self._body):
            if number in self._groups:
                group, above = self._groups[number], None
                continue
            found, above = self._row(number, line, group, above)
            cells += found
        if not self._says_something(cells):
            return None
        if self._skewed():
            cells = []
        heads = [*self._head, *self._aside]
        lines = [*heads, *self._body]
        names = [
            (piece.start, piece.end)
            for number, line in enumerate(lines)
            for n, piece in sorted(line.cells.items())
            if number < len(heads) or n >= len(self._columns) or self._columns[n].role != "value"
        ]
        return Tables(tuple(cells), tuple(self._marks()), tuple(names), tuple((x.start, x.end) for x in lines))

    # --- columns ----------------------------------------------------------------------------------------------------

    def _column(self, n: int) -> _Column:
        texts: list[str] = []
        for depth, line in enumerate(self._head):
            piece = line.cells.get(n)
            text = piece.text if piece else self._spanned(depth, n)
            if text and text not in texts:
                texts.append(text)
        column = _Column([read_label(text) for text in texts])
        column.head = bare(texts[-1]) if texts else ""
        column.name = "".join(x.name for x in column.labels if x.kind == "actual" and not says("value_head", x.name))
        return column

    def _spanned(self, depth: int, n: int) -> str:
        """Text of the merged cell above a column: the nearest to the left, where only rows below name this column."""
        if not any(n in line.cells for line in self._head[depth + 1 :]):
            return ""
        line = self._head[depth]
        for left in range(n - 1, -1, -1):
            below = any(left in other.cells for other in self._head[depth + 1 :])
            if left in line.cells:
                return line.cells[left].text if below else ""
            if not below:
                return ""
        return ""

    def _skewed(self) -> bool:
        """True where merged heads seem to have lost their places: 2020年 over one column, 2021年 over all the others.

        As text copied from Word has it, where a merged cell leaves no empty ones behind; which years the columns have
        is then unknown.
        """
        for depth, line in enumerate(self._head[:-1]):
            below = {n for other in self._head[depth + 1 :] for n in other.cells}
            groups = sorted(n for n in line.cells if n in below)
            last = max(below, default=0)
            if len(groups) > 1 and groups == list(range(groups[0], groups[-1] + 1)) and last > groups[-1]:
                return True
        return False

    def _fill(self) -> list[dict[int, str]]:
        """Texts of the body by row and column; a name merged over rows stands in each of them."""
        rows = [{n: c.text for n, c in line.cells.items()} for line in self._body]
        if not self._tabs:
            return rows
        for n in range(len(self._columns)):
            texts = [row[n] for number, row in enumerate(rows) if n in row and number not in self._groups]
            if not texts or any(_figure(t) and not _is_year(t) for t in texts) or n + 1 >= len(self._columns):
                continue
            if any(says("missing", bare(t)) for t in texts) or says("note_head", self._columns[n].head):
                continue
            last = ""
            for number, row in enumerate(rows):
                if number in self._groups:
                    last = ""
                elif n in row:
                    last = row[n]
                elif last and any(
                    m > n and not _figure(t) for m, t in row.items() if m in self._columns_of_names(rows)
                ):
                    row[n] = last  # only where another column names the row
        return rows

    def _columns_of_names(self, rows: Sequence[dict[int, str]]) -> set[int]:
        """Columns without a figure in any row, years aside."""
        if self._named is None:
            self._named = {
                n
                for n in range(len(self._columns))
                if (texts := [row[n] for row in rows if n in row])
                and all(not _figure(t) or _is_year(t) for t in texts)
                and not all(says("missing", bare(t)) for t in texts)
            }
        return self._named

    def _role(self, n: int, column: _Column) -> str:
        head = "".join(x.name for x in column.labels)
        texts = [row[n] for number, row in enumerate(self._filled) if n in row and number not in self._groups]
        present = [t for t in texts if not says("missing", bare(t))]
        if says("ordinal_head", head) or says("note_head", head):
            return "ordinal" if says("ordinal_head", head) else "note"
        if present and all(read_unit(bare(t)) for t in present):
            return "unit"
        timed = present and all((told := read_time(bare(t)))[0] and not told[2] for t in present)
        if timed and (
            not all(_is_year(t) for t in present)
            or says("time_head", head)
            or (n == 0 and len(set(present)) == len(present))
        ):
            return "time"
        if n == 0 or (present and not any(_figure(t) for t in present)):
            return "name"
        return "value"

    def _columns_name_indicators(self) -> bool:
        """True where the columns are indicators and the rows places or parts; False where the rows are the indicators."""
        if any(
            says("indicator_head", c.head) and not self._links(self._values) for c in self._columns if c.role == "name"
        ):
            return False
        named = [n for n in self._values if self._columns[n].name]
        if self._links(named):
            return True
        labels = {
            bare(row[n]) for row in self._filled for n, c in enumerate(self._columns) if c.role == "name" and n in row
        }
        rows_link = any(_links(label) for label in labels)
        return bool(named) and not rows_link

    def _links(self, columns: Sequence[int]) -> bool:
        return any(_links(self._columns[n].name) for n in columns)

    # --- rows -------------------------------------------------------------------------------------------------------

    def _row(
        self, number: int, line: _Line, group: str, above: tuple[str, Label] | None
    ) -> tuple[list[Cell], tuple[str, Label] | None]:
        """The figures of a row, and the name that rows below it (其中：男) are parts of."""
        texts = self._filled[number]
        labels = [(c, read_label(texts[n])) for n, c in enumerate(self._columns) if c.role == "name" and n in texts]
        times = [read_time(bare(texts[n])) for n, c in enumerate(self._columns) if c.role == "time" and n in texts]
        units = [
            u
            for n, c in enumerate(self._columns)
            if c.role == "unit" and n in texts and (u := read_unit(bare(texts[n])))
        ]
        grouped = read_label(group) if group else None
        if grouped is not None and grouped.time:
            times.append((grouped.time, grouped.level, ""))
        times += [(x.time, x.level, "") for _, x in labels if x.time]
        name, place, parts = "", "", []
        for column, label in labels:
            text = label.name
            if not text or (says("whole", text) and not self._lists_counties):
                continue
            if self._by_column and label.kind != "actual":
                continue  # 年均增长 below the years: a kind of figure, no part of the place
            named = _is_place(text) and not (label.unit or units or says("part", text) or _links(text))
            if self._by_column or says("place_head", column.head) or named:
                if place:
                    parts.append(text)
                else:
                    place = text
            elif says("indicator_head", column.head) or len(labels) == 1 or _links(text):
                within = re.match(r"(?:其中|[#＃])[:：]?", text)
                inner = text[within.end() :] if within else text
                if (within or says("part", inner)) and above is not None and not _links(inner):
                    name, parts = above[0], [*parts, inner]
                    if not label.unit and not units:
                        units = [(above[1].scale, above[1].unit)] if above[1].unit else []
                else:
                    name = name + inner if name else inner
                    above = name, label
            elif place:
                parts.append(text)
            else:
                place = text
        if grouped is not None and grouped.name and not _numbered(group) and not says("whole", grouped.name):
            parts.insert(0, grouped.name)
        found: list[Cell] = []
        for n in self._values:
            piece = line.cells.get(n)
            if piece is not None:
                row_labels = [x for _, x in labels]
                cell = self._cell(piece, self._columns[n], name, place, parts, times, units, row_labels)
                if cell is not None:
                    found.append(cell)
        return found, above

    def _cell(
        self,
        piece: _Piece,
        column: _Column,
        name: str,
        place: str,
        parts: Sequence[str],
        times: Sequence[tuple[str, bool, str]],
        units: Sequence[tuple[str, str]],
        labels: Sequence[Label],
    ) -> Cell | None:
        hit = _NUMBER.fullmatch(piece.text) if _figure(piece.text) else None
        if hit is None:
            return None
        own = read_unit(hit["unit"]) if hit["unit"] else None
        kind = next((x.kind for x in column.labels if x.kind != "actual"), "actual")
        by_row = kind == "actual"
        if by_row:
            kind = next((x.kind for x in labels if x.kind != "actual"), "actual")
        scope = list(parts)
        said = column.name
        if self._by_column or not name:
            indicator = said or name or (self._title.name if kind == "actual" else "")
        else:
            indicator = name
            if said and (self._lists_counties or not says("whole", said)):
                if not place and _is_place(said):
                    place = said
                else:
                    scope.append(said)
        if kind != "actual":
            words = next((x.name for x in [*column.labels, *labels] if x.kind == kind), "")
            base = indicator if indicator != words else ""
            if kind != "target":  # a target is one of the indicator itself
                indicator = base + words if words not in base else base
        flags: list[str] = []
        scale, unit = self._unit(own, column, units, labels, indicator, kind, by_row, flags)
        period, level = self._period(column, times, kind, flags)
        digits = hit["digits"]
        value = arabic_value(digits, scale)
        exact = not scale and "." not in digits and unit not in ("元", "%", "‰")
        end = piece.start + len(hit["number"].rstrip())
        mention = Mention(
            piece.start,
            end,
            hit["number"].rstrip(),
            "quantity",
            "table_cell",
            -value if hit["sign"] in ("-", "−") else value,
            (),
            unit or None,
            "exact",
            piece.start,
            end,
            0.0 if exact else arabic_value("1", scale) / 10.0 ** len(digits.partition(".")[2]),
        )
        kind = {"share": "actual"}.get(kind, kind)
        return Cell(mention, indicator, place, period, "".join(scope), kind, level, tuple(flags))

    def _unit(
        self,
        own: tuple[str, str] | None,
        column: _Column,
        units: Sequence[tuple[str, str]],
        labels: Sequence[Label],
        indicator: str,
        kind: str,
        by_row: bool,
        flags: list[str],
    ) -> tuple[str, str]:
        """Scale word and unit: the cell's own, else the head's, else the row's, else the caption's; ("", "") unsettled.

        A growth, a share or a completion has the unit of the label that says so (`by_row`), never that of its indicator.
        """
        heads = {(x.scale, x.unit) for x in column.labels if x.unit}
        rows = set(units) | {(x.scale, x.unit) for x in labels if x.unit}
        qualified = kind != "actual" or (bool(column.name) and self._by_column)
        if own is not None:
            return own
        if kind in ("growth", "share", "completion"):
            told = rows if by_row else heads
        else:
            told = heads if heads and (qualified or not rows) else heads | rows
        if len(told) == 1:
            return next(iter(told))
        captioned = not told and kind in ("actual", "target")
        if captioned and (given := unit_for(indicator, self._title.units)) is not None:
            return given
        flags.append("no_unit")
        return "", ""

    def _period(
        self, column: _Column, times: Sequence[tuple[str, bool, str]], kind: str, flags: list[str]
    ) -> tuple[str | None, bool]:
        """The period, and whether its end is meant; None where the table tells more than one or none that is settled."""
        told = [(x.time, x.level) for x in column.labels if x.time] + [(t, level) for t, level, _ in times]
        shifts = [x.relative for x in column.labels if x.relative is not None]
        if not told and self._title.period:
            told = [(self._title.period, self._title.level)]
        if shifts:  # 上年 counts from the year that the row, the group or the title tells
            sure = len(set(shifts)) == 1 and bool(told) and all(_YEAR.fullmatch(t) for t, _ in told)
            told = [(str(int(t) + shifts[0]), level) for t, level in told] if sure else [(UNSETTLED, False)]
        periods = {t for t, _ in told}
        if len(periods) > 1 or UNSETTLED in periods:
            flags.append("unknown_year")
            return None, False
        return (next(iter(periods)), any(level for _, level in told)) if periods else ("", False)

    # --- the rest ---------------------------------------------------------------------------------------------------

    def _says_something(self, cells: Sequence[Cell]) -> bool:
        """False for lists that are no tables of figures: no unit, no time and no name of the catalogue anywhere."""
        return any(c.mention.unit or c.period or (c.period is None) or _links(c.column) for c in cells)

    def _marks(self) -> Iterator[Mention]:
        """Times and codes among heads and names that reading them as prose would take for quantities."""
        for line in self._head:
            for _, piece in sorted(line.cells.items()):
                if _is_year(piece.text):
                    yield Mention(piece.start, piece.end, piece.text, "date", "table_head")
        for line in self._body:
            for n, piece in sorted(line.cells.items()):
                role = self._columns[n].role if n < len(self._columns) else "value"
                if role == "time" and piece.text[:1].isdigit() and read_time(bare(piece.text))[0] != UNSETTLED:
                    yield Mention(piece.start, piece.end, piece.text, "date", "table_label")
                elif role == "ordinal" and _DIGITS.fullmatch(piece.text):
                    yield Mention(piece.start, piece.end, piece.text, "label", "table_label")


@lru_cache(maxsize=4096)
def _links(name: str) -> bool:
    """True for a name of the catalogue, whatever its unit."""
    text = normalise(name)
    return any(hit.start == 0 and hit.end == len(text) for hit in finder().find(text))


def _numbered(text: str) -> bool:
    return bare(text) != re.sub(r"\s+", "", text)


def _is_place(name: str) -> bool:
    return re.fullmatch(r"[一-鿿]{1,10}(?:[县区市州旗乡镇村]|街道)", name) is not None
