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
_DECLARED: Final = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([A-Za-z0-9_-]{2,40})""", re.IGNORECASE)


def declared_charset(data: bytes) -> str | None:
    """The encoding a page names in its head, if any."""
    found = _DECLARED.search(data[:8192])
    return found.group(1).decode("ascii") if found else None


def title(source: str) -> str | None:
    """Content of the title tag, or None."""
    found = re.search(r"<title[^>]{0,200}>([^<]{0,2000})</title", source[:200_000], re.IGNORECASE)
    return (html.unescape(found.group(1)).strip() or None) if found else None


def visible_text(source: str) -> MappedText:
    """Text a reader sees: hidden elements dropped, entities resolved, blocks on lines, table cells split by tabs."""
    out: list[str] = []
    pieces: list[Replacement] = []
    length = 0  # of the output
    position = 0  # in the source, everything before it is in the output
    pending = ""  # separator that waits for the next visible character
    pending_from = 0
    hidden: list[str] = []
    preformatted = 0

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
        separator = pending if length else ""
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
            elif preformatted:
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
        if name in _BLOCK:
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
