"""Visible text of an HTML page, each character traceable to the page's source.

Belongs here: tags, entities, which parts of a page are never text. Nothing is executed or fetched.
Does not belong here: which part of the visible text is the article (see furniture), what the text says.
"""

from __future__ import annotations

import html
import re
from typing import Final

from pipelines.documents.textmap import MappedText, OffsetMap, Replacement

_TOKEN: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<!\[CDATA\[|\]\]>|<[!?][^>]*(?:>|\Z)"
    r"|<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9:-]*)(?:[^<>\"']|\"[^\"]*\"|'[^']*')*+/?>"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});|[ \t\r\n\f]+",
    re.DOTALL,
)
_HIDDEN: Final = frozenset(
    {
        "script",
        "style",
        "nav",
        "noscript",
        "template",
        "svg",
        "math",
        "head",
        "iframe",
        "object",
        "select",
        "textarea",
        "canvas",
    }
)
_RAW: Final = frozenset({"script", "style", "textarea", "title", "iframe", "noscript"})
_BLOCK: Final = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer form "
        "h1 h2 h3 h4 h5 h6 header hr html legend li main ol p pre section summary table tbody tfoot thead title tr ul",
    )
)
_CELL: Final = frozenset({"td", "th"})
_TABLE_PARTS: Final = frozenset({"table", "caption", "tbody", "thead", "tfoot", "tr"})
_ROW_END: Final = re.compile(r"</?(?:table|tr|tbody|thead|tfoot)\b", re.IGNORECASE)
_CELL_START: Final = re.compile(r"<t[dh]\b[^>]*>", re.IGNORECASE)
_ANY_TAG: Final = re.compile(r"<[^>]*>")
_SPAN: Final = re.compile(r"""\b(?P<way>col|row)span\s*=\s*["']?(?P<size>[0-9]{1,5})""", re.IGNORECASE)
_MAX_SPAN: Final = 50
_MAX_COLUMNS: Final = 300
_MAX_ADDED: Final = 2_000_000
"""Separators that merged cells of one page may add; a page beyond it is laid out as if nothing were merged."""
_LONGEST_CELL: Final = 60
_DECLARED: Final = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([A-Za-z0-9_-]{2,40})""", re.IGNORECASE)


def declared_charset(data: bytes) -> str | None:
    """The encoding a page names in its head, if any."""
    found = _DECLARED.search(data[:8192])
    return found.group(1).decode("ascii") if found else None


def title(source: str) -> str | None:
    """Content of the title tag, or None."""
    found = re.search(r"<title[^>]{0,200}>([^<]{0,2000})</title", source[:200_000], re.IGNORECASE)
    return (html.unescape(found.group(1)).strip() or None) if found else None


class _Grid:
    """Which column the cells of a table's rows stand in, cells merged over columns or rows considered."""

    def __init__(self) -> None:
        self._covered: list[dict[int, int]] = []  # of each open table: column -> rows it is still covered in
        self._here: set[int] = set()
        self._reached = self._next = self._added = 0
        self.in_row = False

    def open_table(self) -> None:
        self._covered.append({})
        self.in_row = False

    def close_table(self) -> None:
        if self._covered:
            self._covered.pop()
        self.in_row = False

    def open_row(self, source: str, start: int) -> None:
        """Begins a row; `in_row` tells whether it is one of short cells and not a page laid out by a table."""
        covered = self._covered[-1] if self._covered else {}
        self._here = set(covered)
        if self._covered:
            self._covered[-1] = {column: rows - 1 for column, rows in covered.items() if rows > 1}
        self._reached = self._next = 0
        end = _ROW_END.search(source, start)
        row = source[start : end.start() if end else len(source)]
        cells = [_ANY_TAG.sub("", cell).strip() for cell in _CELL_START.split(row)[1:]]
        self.in_row = (
            (len(cells) > 1 or bool(cells and self._here))
            and self._added < _MAX_ADDED
            and all(len(cell) <= _LONGEST_CELL and "。" not in cell for cell in cells)
        )

    def open_cell(self, tag: str) -> int:
        """Columns from the cell before to this one."""
        while self._next in self._here:
            self._next += 1
        spans = {found["way"].lower(): max(1, int(found["size"])) for found in _SPAN.finditer(tag)}
        column = min(self._next, _MAX_COLUMNS)
        self._next = column + min(spans.get("col", 1), _MAX_SPAN)
        if (rows := spans.get("row", 1)) > 1 and self._covered:
            self._covered[-1].update((c, rows - 1) for c in range(column, self._next))
        step, self._reached = max(0, column - self._reached), max(column, self._reached)
        self._added += step
        return step


def visible_text(source: str) -> MappedText:
    """Text a reader sees: hidden elements dropped, entities resolved, blocks on lines, table cells split by tabs.

    A row of a table of figures is one line with a tab for each column, so that merged and empty cells keep the others in
    their places; a row that lays out a page (long cells, a table inside) is as many lines as its text has.
    """
    out: list[str] = []
    pieces: list[Replacement] = []
    length = 0  # of the output
    position = 0  # in the source, everything before it is in the output
    pending = ""  # separator that waits for the next visible character
    pending_from = 0
    hidden: list[str] = []
    preformatted = 0
    grid = _Grid()

    def put(start: int, end: int, replacement: str) -> None:
        nonlocal length
        if pieces and pieces[-1][3] == start and pieces[-1][1] == length:
            d0, _, o0, _ = pieces.pop()
            pieces.append((d0, length + len(replacement), o0, end))
        else:
            pieces.append((length, length + len(replacement), start, end))
        out.append(replacement)
        length += len(replacement)

    def flush(start: int) -> None:
        """Everything from pending_from to start becomes one separator."""
        nonlocal pending
        separator = pending if length else pending.lstrip("\n ") if grid.in_row else ""
        if start > pending_from or separator:
            put(pending_from, start, separator)
        pending = ""

    def text(start: int, end: int) -> None:
        nonlocal length, pending_from
        if start >= end:
            return
        flush(start)
        out.append(source[start:end])
        length += end - start
        pending_from = end

    size = len(source)
    while position < size:
        found = _TOKEN.search(source, position)
        start, end = found.span() if found else (size, size)
        if not hidden:
            text(position, start)
        position = end
        if found is None:
            break
        token = found.group()
        name = (found["name"] or "").lower()
        if not name:
            if hidden or token.startswith(("<", "]]>")):
                continue
            if token[0] == "&":
                value = html.unescape(token).replace("\xa0", " ").replace("\x00", "")
                if value.strip():
                    flush(start)
                    put(start, end, value)
                    pending_from = end
                elif not pending:
                    pending = " "
            elif preformatted and not grid.in_row:
                pending = pending if "\n" in pending else ("\n" if "\n" in token else pending or " ")
            elif not pending:
                pending = _blank(source, start, end)
            continue
        closing = bool(found["close"])
        if hidden:
            if closing and name in hidden:
                while hidden and hidden.pop() != name:
                    pass
            elif not closing and name in _HIDDEN and not token.endswith("/>"):
                hidden.append(name)
            elif name in ("body", "article", "main") and not closing:
                hidden.clear()
            continue
        if name in _HIDDEN and not closing:
            if token.endswith("/>") and name not in _RAW:
                continue
            if name in _RAW:
                stop = re.compile(rf"</{name}[^>]*>", re.IGNORECASE).search(source, end)
                position = stop.end() if stop else size
                continue
            hidden.append(name)
            continue
        if name == "pre":
            preformatted = max(0, preformatted + (-1 if closing else 1))
        if name == "table":
            (grid.close_table if closing else grid.open_table)()
        elif name == "tr":
            grid.in_row = False
            if not closing:
                grid.open_row(source, end)
        if grid.in_row and name in _CELL:
            if not closing:
                tabs = pending.count("\t") + grid.open_cell(token)
                pending = "\n" * ("\n" in pending) + "\t" * tabs or pending
        elif grid.in_row and name not in _TABLE_PARTS and name in _BLOCK:
            pending = pending or " "
        elif name in _BLOCK:
            pending = "\n"
        elif name in _CELL and pending != "\n":
            pending = "\t"
    if pending_from < size:
        put(pending_from, size, "")
    return MappedText("".join(out), OffsetMap.from_replacements(pieces))


def _blank(source: str, start: int, end: int) -> str:
    """A line break between two wide characters is layout, not text; any other blank is one blank."""
    before = source[start - 1] if start else ""
    after = source[end] if end < len(source) else ""
    if "\n" in source[start:end] and before > "\u2e7f" and after > "\u2e7f":
        return ""
    return " "
