"""What each number of one table says, by its column, its row and the lines above the head.

Indicator, place or part, time, unit and kind are put together from what heads and labels say (`table_words`). Nothing is
guessed: where they do not settle the time or the unit, or say two, the number has none and a flag. Which lines are a table
is decided in `tables`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pipelines.catalogue.indicators import finder, normalise
from pipelines.extraction.mentions import Mention
from pipelines.extraction.numerals import arabic_value
from pipelines.extraction.table_lines import NUMBER, Line, Piece, is_figure, is_year, width_of
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

_TITLE_NOISE = re.compile(
    r"(?:附?[表图][0-9一二三四五六七八九十]*(?:[-—.][0-9]+)?[:：、.]?|[（(]?(?:计量)?单位[:：].*$|(?:基本)?(?:情况|主要指标|指标|数据)?(?:一览|统计|汇总|对比|明细)?表?$)"
)
_OF_ALL = re.compile(
    r"^(?:[一-鿿]{1,8}[县区市州省旗])?(?:分|各|按)?(?:县市区|县（市、区）|县区|市县|县市|区县|县|乡镇|镇乡|乡|镇|地区|街道|村)?(?:历年|主要年份|分年度?)?(?:的)?"
)
_DIGITS = re.compile("[0-9]+")
_YEAR = re.compile("[0-9]{4}")
_COUNTY = re.compile(r"[一-鿿]{1,10}[县区市旗]")
_TITLE_LINES = 4
_LONGEST_TITLE = 60


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


@dataclass(slots=True)
class Title:
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


def title_above(lines: Sequence[Line], above: int, at: int) -> Title:
    title = Title()
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


class Reader:
    """Puts together what columns, rows and title say for each number of one table."""

    def __init__(
        self,
        head: Sequence[Line],
        aside: Sequence[Line],
        body: Sequence[Line],
        groups: dict[int, str],
        title: Title,
    ) -> None:
        self._head, self._aside, self._body, self._groups, self._title = head, aside, body, groups, title
        self._tabs = head[0].tabs
        self._named: set[int] | None = None
        self._columns = [self._column(n) for n in range(width_of(head))]
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
            if not texts or any(is_figure(t) and not is_year(t) for t in texts) or n + 1 >= len(self._columns):
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
                    m > n and not is_figure(t) for m, t in row.items() if m in self._columns_of_names(rows)
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
                and all(not is_figure(t) or is_year(t) for t in texts)
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
            not all(is_year(t) for t in present)
            or says("time_head", head)
            or (n == 0 and len(set(present)) == len(present))
        ):
            return "time"
        if n == 0 or (present and not any(is_figure(t) for t in present)):
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
        self, number: int, line: Line, group: str, above: tuple[str, Label] | None
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
        piece: Piece,
        column: _Column,
        name: str,
        place: str,
        parts: Sequence[str],
        times: Sequence[tuple[str, bool, str]],
        units: Sequence[tuple[str, str]],
        labels: Sequence[Label],
    ) -> Cell | None:
        hit = NUMBER.fullmatch(piece.text) if is_figure(piece.text) else None
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
        told = "actual" if kind == "share" else kind
        return Cell(mention, indicator, place, period, "".join(scope), told, level, tuple(flags))

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
                if is_year(piece.text):
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
