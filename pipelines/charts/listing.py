"""Tables for reading in a notebook: names instead of codes, numbers as they are read, links to the evidence.

For calculation the Polars frame itself is right; nothing is computed here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.charts import theme
from pipelines.charts.context import Context, WarehouseLike, evidence_link
from pipelines.charts.theme import Lang, esc, number, period_name, quantity, word
from pipelines.warehouse.schema import TABLES

MEANINGS = {c.name: c.comment for t in reversed(TABLES) for c in t.columns}
EVIDENCE_BASE = "XIANZHI_EVIDENCE"
"""Environment variable with the address of the exports folder as seen from the page; set by the run. Without it, as in
JupyterLab, which serves its own folder only, sentences stand without links."""
WORDED = ("status", "verdict", "kind", "reading", "reason", "why", "conflict", "relation")
"""Columns whose values are words of ours."""
SENTENCE = 160
STYLE = (
    "<style>.xz{border-collapse:collapse;font-size:13px}.xz th,.xz td{text-align:left!important;vertical-align:top;"
    "padding:3px 9px;border-bottom:1px solid #E3E7EB;white-space:nowrap}.xz td.n{text-align:right!important}"
    ".xz td.s{min-width:22em;white-space:normal}.xz mark{background:#DCECF6}</style>"
)


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows as HTML for a notebook; `frame` is what is shown. Everything from documents is escaped."""

    html: str
    frame: pl.DataFrame

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return repr(self.frame)


def listing(
    frame: pl.DataFrame, warehouse: WarehouseLike | None = None, *, lang: Lang = "zh", limit: int = 30
) -> Listing:
    """A frame of the warehouse as a table to read, at most `limit` rows.

    Column headings bear the meaning of the column; places and indicators have their names, rates and shares their
    unit, periods their words; an `observation_id` leads to its sentence where pages are at hand.
    """
    ctx = Context(warehouse, lang)
    shown = frame.head(limit)
    hidden = frame.height - shown.height
    named = {"place_code": ctx.place, "indicator_id": ctx.indicator}
    heads = "".join(f'<th title="{esc(MEANINGS.get(c, ""))}">{esc(word(c, lang))}</th>' for c in shown.columns)
    rows = []
    for row in shown.iter_rows(named=True):
        cells = "".join(_cell(c, row, ctx, named) for c in shown.columns)
        rows.append(f"<tr>{cells}</tr>")
    more = f"<p>{esc(word('others', lang).format(n=hidden))}</p>" if hidden > 0 else ""
    nothing = "" if rows else f"<p>{word('no_data', lang)}</p>"
    html = (
        f'{STYLE}<table class="xz"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>{more}{nothing}'
    )
    return Listing(html, frame)


def evidence(figure: Any, warehouse: WarehouseLike, *, lang: Lang = "zh", limit: int = 30) -> Listing:
    """The points of a figure with the sentences they were read from, the mention marked, at most `limit` rows.

    `figure`: a figure of this package. Returns a table to read; its `frame` has period, value, unit, basis, place_name,
    sentence, title, observation_id.
    """
    ids = list(dict.fromkeys((figure.layout.meta or {}).get("observations", ())))
    order = pl.DataFrame({"observation_id": ids}, schema={"observation_id": pl.String})
    found = order.join(warehouse.table("observations"), on="observation_id", how="inner", maintain_order="left")
    titles = warehouse.table("documents").select("doc_id", title=pl.coalesce("title", "path"))
    frame = found.join(titles, on="doc_id", how="left", maintain_order="left").select(
        "period", "value", "unit", "basis", "place_name", "sentence", "title", "observation_id", "raw"
    )
    heads = "".join(f"<th>{word(k, lang)}</th>" for k in ("period", "value", "basis", "places_one", "source"))
    ctx = Context(warehouse, lang)
    ctx.load(ids)
    rows = [
        f"<tr><td>{esc(period_name(r['period'], lang))}</td><td class='n'>{esc(quantity(r['value'], r['unit'], lang))}</td>"
        f"<td>{ctx.basis(r['basis'])}</td><td>{esc(r['place_name'] or word('whole_place', lang))}</td>"
        f"<td class='s'>{_marked(r['sentence'], r['raw'])}<br><small>{_linked(r['title'], r['observation_id'], ctx)}</small></td></tr>"
        for r in frame.head(limit).iter_rows(named=True)
    ]
    hidden = frame.height - min(frame.height, limit)
    more = f"<p>{esc(word('others', lang).format(n=hidden))}</p>" if hidden else ""
    html = f'{STYLE}<table class="xz"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>{more}'
    return Listing(html if rows else f"<p>{word('no_data', lang)}</p>", frame.drop("raw"))


def _marked(sentence: str | None, raw: str | None) -> str:
    """The sentence escaped, the mention marked where it stands there unchanged and once."""
    text, mention = theme.clean(sentence), theme.clean(raw)
    at = text.find(mention) if mention and text.count(mention) == 1 else -1
    if at < 0:
        return esc(_short(text))
    before, after = text[:at], text[at + len(mention) :]
    before = before if len(before) <= SENTENCE // 2 else "…" + before[-SENTENCE // 2 :]
    return f"{esc(before)}<mark>{esc(mention)}</mark>{esc(_short(after, SENTENCE // 2))}"


def _short(text: str, limit: int = SENTENCE) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _linked(title: str | None, observation_id: str, ctx: Context) -> str:
    base, link = os.environ.get(EVIDENCE_BASE), ctx.link(observation_id)
    text = esc(title or observation_id)
    return f'<a href="{esc(base + link)}">{text}</a>' if base and link else f"{text} · {esc(observation_id)}"


def _cell(column: str, row: Mapping[str, Any], ctx: Context, named: Mapping[str, Any]) -> str:
    value = row[column]
    if value is None:
        return "<td></td>"
    if column in named:
        return f"<td>{named[column](value, row.get('indicator' if column == 'indicator_id' else 'place_name'))}</td>"
    if column in ("period", "prior_period", "target_period"):
        return f"<td>{esc(period_name(value, ctx.lang))}</td>"
    if column == "observation_id" and os.environ.get(EVIDENCE_BASE):
        doc = str(row.get("doc_id") or "")
        link = ctx.link(value) or evidence_link(doc, value)
        if link:
            return f'<td><a href="{esc(os.environ[EVIDENCE_BASE] + link)}">{esc(value)}</a></td>'
    if isinstance(value, bool):
        return f"<td>{'✓' if value else '✗'}</td>"
    if isinstance(value, float):
        return f"<td class='n'>{esc(number(value))}</td>"
    if isinstance(value, int):
        return f"<td class='n'>{value if column == 'year' else esc(number(float(value)))}</td>"
    if isinstance(value, list):
        return f"<td>{esc(_short(', '.join(str(v) for v in value)))}</td>"
    text = word(value, ctx.lang) if column in WORDED else str(value)
    return f"<td{' class=s' if theme.text_width(text) > 34 else ''}>{esc(_short(text))}</td>"
