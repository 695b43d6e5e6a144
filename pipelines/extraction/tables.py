"""Tables laid out as lines: a head with units, rows of a name and numbers.

Readers lay a table's cells out in one line a row, joined by tabs or blanks. Here the head gives each number its
indicator and unit, the row's name its place or year. Prose belongs to `attribution`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.catalogue.units import UNITS
from pipelines.extraction.mentions import Mention
from pipelines.extraction.numerals import arabic_value

_HEAD_UNIT = re.compile(
    r"^(?P<name>.+?)\s*[（(](?:单位[:：])?(?P<scale>万亿|千万|百万|万|亿|千)?(?P<unit>[^（()）]{1,8})[)）]$"
)
_NUMBER = re.compile(r"^[-−]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?%?$")
_BETWEEN_TABS = re.compile(r"[^\t]+")
_BETWEEN_BLANKS = re.compile(r"[^ 　]+")
_YEAR = re.compile(r"^((?:19|20)[0-9]{2})\s?年?(?:度|末)?$")
_CAPTION_UNIT = re.compile(r"单位[:：]\s?(?P<scale>万亿|千万|百万|万|亿|千)?(?P<unit>[^\s，,；;）)]{1,8})")


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a table: where it stands, what its column and its row say."""

    mention: Mention
    column: str
    row: str
    year: str | None


def find_cells(text: str) -> list[Cell]:
    """Numbers of all tables in restored text, in order; a table needs a head of names and rows that fit it."""
    cells: list[Cell] = []
    head: list[tuple[str, str, str]] | None = None
    caption: tuple[str, str] = ("", "")
    position = 0
    for line in text.splitlines(keepends=True):
        start, position = position, position + len(line)
        if "单位" in line and (hit := _CAPTION_UNIT.search(line)):
            caption = (hit["scale"] or "", hit["unit"])
        if head is None and "\t" not in line and " " not in line and "　" not in line:
            continue  # prose: neither a head nor a row
        parts = _split(line)
        numbers = [p for p in parts[1:] if _NUMBER.match(p[0])]
        if len(parts) >= 3 and not numbers and not any(_NUMBER.match(p[0]) for p in parts):
            columns = [_column(p[0], caption) for p in parts]
            head = columns if sum(1 for c in columns if c[2]) >= 1 else None
            continue
        if head is None or len(parts) != len(head) or len(numbers) < max(1, (len(parts) - 1) // 2):
            if line.strip():
                head = head if head is not None and len(parts) == len(head) else None
            continue
        row = parts[0][0]
        row_year = _YEAR.match(row)
        for (cell, at), (name, scale, unit) in zip(parts[1:], head[1:], strict=True):
            if not _NUMBER.match(cell) or not (unit or cell.endswith("%")):
                continue
            digits = cell.strip("-−%")
            value = arabic_value(digits, scale)
            unit = "%" if cell.endswith("%") else unit
            base = UNITS[unit].base if unit in UNITS else unit
            column_year = re.match(r"^((?:19|20)[0-9]{2})年", name)
            begin = start + at
            exact = not scale and "." not in digits and base not in ("元", "%", "‰")
            decimals = len(digits.partition(".")[2])
            mention = Mention(
                begin,
                begin + len(cell),
                cell,
                "quantity",
                "table_cell",
                -value if cell[0] in "-−" else value,
                (),
                base,
                "exact",
                begin,
                begin + len(cell),
                0.0 if exact else arabic_value("1", scale) / 10.0**decimals,
            )
            year = row_year[1] if row_year else column_year[1] if column_year else None
            cells.append(Cell(mention, re.sub(r"^(?:19|20)[0-9]{2}年(?:末)?", "", name), "" if row_year else row, year))
    return cells


def _split(line: str) -> list[tuple[str, int]]:
    """Cells of a line with their offsets; tabs where there are any, else blanks."""
    pieces = _BETWEEN_TABS if "\t" in line else _BETWEEN_BLANKS
    return [
        (bare, piece.start() + piece.group().index(bare))
        for piece in pieces.finditer(line.rstrip("\r\n"))
        if (bare := piece.group().strip())
    ]


def _column(name: str, caption: tuple[str, str]) -> tuple[str, str, str]:
    """Name, scale word and unit of a column head."""
    hit = _HEAD_UNIT.match(name)
    if hit and (hit["unit"] in UNITS or hit["unit"] in ("%", "‰")):
        return hit["name"], hit["scale"] or "", hit["unit"]
    if name.endswith(("率", "比重", "占比")) and "%" in caption[1]:
        return name, "", "%"
    return name, caption[0], caption[1] if caption[1] in UNITS else ""
