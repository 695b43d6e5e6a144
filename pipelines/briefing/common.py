"""Shared by all outputs: a warehouse whose tables are read once, safe text and file names, pages, fixed dates.

What any output contains does not belong here.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.charts import WarehouseLike
from pipelines.charts.theme import FONT, clean

STYLE = f"""
:root {{ color-scheme: light; }}
body {{ font-family: {FONT}; color: #1F2933; background: #FFFFFF; margin: 0 auto; max-width: 68rem; padding: 1rem 1.2rem 4rem;
  line-height: 1.65; }}
h1 {{ font-size: 1.35rem; line-height: 1.35; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
a {{ color: #005A8C; }} nav, .note, footer {{ color: #5B6670; font-size: .88rem; }}
table {{ border-collapse: collapse; font-size: .88rem; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #E3E7EB; }}
td.n {{ text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }}
tr.at td {{ background: #FFE08A; }}
.figure {{ overflow-x: auto; }} .js-plotly-plot .point {{ cursor: pointer; }}
@media print {{ nav {{ display: none; }} }}
"""


class Cached:
    """A warehouse whose tables are read once each; optionally only the rows of some places or indicators."""

    def __init__(self, warehouse: WarehouseLike, places: Sequence[str] = (), indicators: Sequence[str] = ()) -> None:
        self._warehouse = warehouse
        self._tables: dict[str, pl.DataFrame] = {}
        self.vintage = str(warehouse.vintage or "")
        self._kept = {"place_code": list(places), "indicator_id": list(indicators)}

    def table(self, name: str, /) -> pl.DataFrame:
        """The whole table."""
        if name not in self._tables:
            frame = self._warehouse.table(name)
            if name in ("series", "targets", "target_gaps", "growth_rates", "checks"):
                for column, wanted in self._kept.items():
                    if wanted and column in frame.columns:
                        frame = frame.filter(pl.col(column).is_in(wanted))
            self._tables[name] = frame
        return self._tables[name]


def moment(vintage: str) -> datetime:
    """The vintage as a time, for file dates; a fixed day where it is none, so that files stay the same."""
    digits = re.sub(r"\D", "", vintage)[:14].ljust(14, "0")
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return datetime(2000, 1, 1, tzinfo=UTC)


def slug(*parts: object) -> str:
    """A file name from ids: letters, digits, dot, hyphen, underscore; anything else is replaced, long ones hashed."""
    raw = "_".join(str(p) for p in parts if p)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", raw).strip("-.") or "chart"
    if name != raw or len(name) > 90:
        name = f"{name[:80]}-{hashlib.sha256(raw.encode()).hexdigest()[:8]}"
    return name


def h(text: object) -> str:
    """Text for HTML, cleaned of control characters and escaped."""
    return html.escape(clean(text), quote=True)


def script_json(value: Any) -> str:
    """JSON that is safe inside a script element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return inert(text)


def inert(text: str) -> str:
    """JSON text without any character that could end a script element or start a comment."""
    for ch, code in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(ch, code)
    return text


def web_address(text: object) -> str | None:
    """The text if it is an http(s) address, else None: no other scheme becomes a link."""
    s = clean(text)
    return s if re.fullmatch(r"https?://[^\s\"'<>\\]+", s) else None


def page(*, title: str, body: str, lang: str, scripts: tuple[str, ...] = (), library: str = "", style: str = "") -> str:
    """An HTML page that needs no network. `title` and `body` are already escaped; `scripts` run in order, allowed by
    their hashes; `library` is the relative address of plotly.js. Without scripts none can run at all."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    allowed = f"{hashes} 'self' file:" if scripts else "'none'"
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    tags = f'<script src="{library}"></script>' if library else ""
    ends = "".join(f"<script>{s}</script>" for s in scripts)
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">'
        f"<title>{title}</title><style>{STYLE}{style}</style>{tags}</head>\n<body>\n{body}\n{ends}</body></html>\n"
    )


def write(path: Path, data: str | bytes) -> Path:
    """Write a file whole or not at all; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    temporary.replace(path)
    return path


def stable_zip(data: bytes, when: datetime) -> bytes:
    """An Office file with every date in it set to `when`, so that equal content gives equal bytes."""
    stamp = (max(when.year, 1980), when.month, when.day, when.hour, when.minute, when.second)
    text = when.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            content = source.read(item)
            if item.filename.endswith((".xlsx", ".docx")):
                content = stable_zip(content, when)
            elif item.filename == "docProps/core.xml":
                content = re.sub(
                    rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:)", rb"\g<1>" + text + rb"\g<3>", content
                )
            info = zipfile.ZipInfo(item.filename, stamp)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, content)
    return out.getvalue()
