"""Workbooks (.xlsx, .xls) as lines of tab-separated cells, as the program that made them shows them.

Belongs here: sheets, cells, number formats that change what a number says (`8.53%` is stored as 0.0853), limits.
Does not belong here: what heads and rows mean (see `extraction.tables`).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from posixpath import join, normpath
from typing import IO, Final

from pipelines.documents.model import DocumentError

MAX_CELLS: Final = 5_000_000
"""Cells of one table."""

_ADDRESS: Final = re.compile(rb"""<(?:\w+:)?(?:c|row)\b[^>]*?\br\s*=\s*["']([A-Z]{0,3})([0-9]{1,7})["']""")
_CELL_ADDRESS: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_PERCENT_IDS: Final = frozenset((9, 10))
"""Number formats of the standard whose cells show hundredths."""
_LITERAL: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_PLAIN_WITH_WORD: Final = re.compile(r'[#?0,]*0(?:\.[0#?]+)?_?\s?"(?P<word>[^"\t\n]{1,8})"')


def rows_to_lines(rows: Iterable[list[str]]) -> str:
    """Rows as lines of tab-separated cells, blanks inside a cell made one; raises DocumentError above MAX_CELLS."""
    lines: list[str] = []
    cells = 0
    for row in rows:
        cells += len(row)
        if cells > MAX_CELLS:
            raise DocumentError("too_large", f"The table has more than {MAX_CELLS:,} cells; split it.")
        lines.append("\t".join(" ".join(cell.split()) for cell in row).rstrip("\t") + "\n")
    return "".join(lines)


def xlsx_text(data: bytes) -> str:
    """Each sheet's name and its rows; a cell shown as a share or with a word behind it keeps that sign."""
    import fastexcel

    _check_span(data)
    lines: list[str] = []
    try:
        shown = _shown(data)
        book = fastexcel.read_excel(data)
        for name in book.sheet_names:
            sheet = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
            values = list(sheet.to_arrow().to_pydict().values())
            if not values:
                continue
            rows = [["" if v is None else str(v) for v in row] for row in zip(*values, strict=True)]
            _show(rows, shown.get(name, {}))
            lines.append(name + "\n" + rows_to_lines(row for row in rows if any(cell.strip() for cell in row)))
    except DocumentError:
        raise
    except Exception as error:  # the libraries raise their own kinds
        raise DocumentError(
            "unreadable", f"The workbook cannot be read ({type(error).__name__}); save it again."
        ) from error
    return "".join(lines)


def xls_text(data: bytes) -> str:
    """`xlsx_text` for the binary format of old programs."""
    import xlrd

    lines: list[str] = []
    try:
        with xlrd.open_workbook(
            file_contents=data, formatting_info=True, on_demand=True, logfile=io.StringIO(), ragged_rows=True
        ) as book:
            for name in book.sheet_names():
                sheet = book.sheet_by_name(name)
                rows: list[list[str]] = []
                for r in range(sheet.nrows):
                    row: list[str] = []
                    for cell in sheet.row(r):
                        kind = book.format_map[book.xf_list[cell.xf_index].format_key]
                        text = ""
                        if cell.ctype == xlrd.XL_CELL_NUMBER:
                            text = _as_shown(f"{cell.value:.15g}", _sign(kind.format_key, kind.format_str))
                        elif cell.ctype == xlrd.XL_CELL_DATE:
                            text = str(xlrd.xldate_as_datetime(cell.value, book.datemode))
                        elif cell.ctype == xlrd.XL_CELL_TEXT:
                            text = cell.value
                        row.append(text)
                    rows.append(row)
                filled = [row for row in rows if any(cell.strip() for cell in row)]
                if filled:
                    lines.append(name + "\n" + rows_to_lines(filled))
                book.unload_sheet(name)
    except DocumentError:
        raise
    except Exception as error:  # the library raises many kinds for a damaged file
        raise DocumentError(
            "unreadable", f"The workbook cannot be read ({type(error).__name__}); save it again as .xlsx."
        ) from error
    return "".join(lines)


def _sign(number_format: int, code: str) -> str:
    """What a number format writes behind a number: `%` (of hundredths), a word such as ‰ or 年, or nothing."""
    positive = code.partition(";")[0]
    if number_format in _PERCENT_IDS or "%" in _LITERAL.sub("", positive):
        return "%"
    plain = _PLAIN_WITH_WORD.fullmatch(positive)
    return plain["word"].strip() if plain else ""


def _as_shown(number: str, sign: str) -> str:
    if not sign:
        return number
    try:
        value = Decimal(number)
    except InvalidOperation:
        return number
    if sign != "%":
        return number + sign
    return format((value * 100).normalize(), "f") + "%"


def _show(rows: list[list[str]], shown: Mapping[tuple[int, int], tuple[float, str]]) -> None:
    """Write the signs behind the numbers of a sheet; `shown` has row and column from 0, stored value and sign.

    The library begins at the first column in use; which that is follows from where the numbers are found.
    """
    if not shown:
        return

    def fits(first: int) -> bool:
        return all(
            row < len(rows) and 0 <= column - first < len(rows[row]) and _equal(rows[row][column - first], value)
            for (row, column), (value, _) in shown.items()
        )

    first = next((n for n in range(min(column for _, column in shown) + 1) if fits(n)), None)
    if first is None:
        raise DocumentError(
            "unreadable", "The workbook's number formats cannot be matched to its cells; save it again."
        )
    for (row, column), (_, sign) in shown.items():
        rows[row][column - first] = _as_shown(rows[row][column - first], sign)


def _equal(text: str, value: float) -> bool:
    try:
        return abs(float(text) - value) <= 1e-9 * max(1.0, abs(value))
    except ValueError:
        return False


def _shown(data: bytes) -> dict[str, dict[tuple[int, int], tuple[float, str]]]:
    """Per sheet name the cells whose format writes a sign behind the number."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        if "xl/styles.xml" not in package.namelist():
            return {}
        signs = _signs(package)
        if not any(signs):
            return {}
        found: dict[str, dict[tuple[int, int], tuple[float, str]]] = {}
        for name, part in _sheet_parts(package):
            with package.open(part) as stream:
                found[name] = dict(_signed_cells(stream, signs))
        return found


def _parsed(stream: IO[bytes], tag: str) -> Iterator[tuple[dict[str, str], str, str]]:
    """Attributes, texts of the value and type of each element of a name, without loading the whole part."""
    from lxml import etree

    for _, element in etree.iterparse(
        stream, events=("end",), tag="{*}" + tag, resolve_entities=False, no_network=True, load_dtd=False
    ):
        value = element.findtext("{*}v") if tag == "c" else None
        yield {str(k): str(v) for k, v in element.attrib.items()}, value or "", str(element.get("t") or "n")
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


def _signs(package: zipfile.ZipFile) -> list[str]:
    """The sign of each cell style, by its number."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    styles = etree.fromstring(package.read("xl/styles.xml"), parser)
    codes = {
        int(f.get("numFmtId") or 0): str(f.get("formatCode") or "") for f in styles.iterfind("{*}numFmts/{*}numFmt")
    }
    used = [int(x.get("numFmtId") or 0) for x in styles.iterfind("{*}cellXfs/{*}xf")]
    return [_sign(n, codes.get(n, "")) for n in used]


def _sheet_parts(package: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Name and part of each sheet."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    names = set(package.namelist())
    relations = "xl/_rels/workbook.xml.rels"
    if relations not in names:
        return
    targets = {str(r.get("Id")): str(r.get("Target")) for r in etree.fromstring(package.read(relations), parser)}
    for sheet in etree.fromstring(package.read("xl/workbook.xml"), parser).iterfind("{*}sheets/{*}sheet"):
        key = next((str(v) for k, v in sheet.attrib.items() if str(k).endswith("}id")), "")
        part = normpath(join("xl", targets.get(key, ""))).lstrip("/")
        if part in names:
            yield str(sheet.get("name")), part


def _signed_cells(stream: IO[bytes], signs: list[str]) -> Iterator[tuple[tuple[int, int], tuple[float, str]]]:
    for attributes, value, kind in _parsed(stream, "c"):
        style, address = int(attributes.get("s", "0")), _CELL_ADDRESS.fullmatch(attributes.get("r", ""))
        if kind == "n" and value and address and style < len(signs) and signs[style]:
            yield (int(address[2]) - 1, _column_number(address[1].encode()) - 1), (float(value), signs[style])


def _check_span(data: bytes) -> None:
    """Refuses a sheet whose farthest cells span more than MAX_CELLS: the library would make room for all of them."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        for part in package.namelist():
            if not part.startswith("xl/worksheets/"):
                continue
            places = {found.groups() for found in _ADDRESS.finditer(package.read(part))}
            columns = [_column_number(letters) for letters, _ in places if letters] or [1]
            rows = [int(digits) for _, digits in places] or [1]
            if (max(columns) - min(columns) + 1) * max(rows) > MAX_CELLS:
                raise DocumentError(
                    "too_large", f"A sheet spans more than {MAX_CELLS:,} cells; delete the cells far from its table."
                )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
