"""Evidence pages: each document's text as found, every numeric mention marked, an anchor for every observation.

The pages hold no script at all, and nothing in a document can become markup. Reading file formats does not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.briefing.common import h, page, slug, web_address, write
from pipelines.charts import Context, WarehouseLike, page_name
from pipelines.charts.theme import number

CLASSES = ("indicator", "norm", "date", "label", "noise", "unread")
CLASS_ZH = {"indicator": "指标", "norm": "标准", "date": "日期", "label": "编号", "noise": "噪声", "unread": "未读"}
MAX_CHARS = 1_500_000

STYLE = """
.text { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid #E3E7EB; padding-left: 1rem; }
mark { color: inherit; background: #EEF1F4; border-bottom: 2px solid #B6BEC6; padding: 0 .1em; }
mark.indicator { background: #DCECF6; border-color: #0072B2; } mark.norm { background: #E3F3EC; border-color: #009E73; }
mark.date { background: #F4F0FA; border-color: #AA4499; } mark.unread { background: #FBE9DC; border-color: #D55E00; }
mark.damaged { border-bottom-style: dashed; }
mark:target, tr:target td { background: #FFE08A; outline: 2px solid #D55E00; }
:target { scroll-margin-top: 35vh; } a.back { font-size: .75em; text-decoration: none; vertical-align: super; }
"""


def raw_text(raw_dir: Path | None, path: str) -> str | None:
    """The decoded text of a document, offsets as in the warehouse; None where it cannot be read."""
    if raw_dir is None:
        return None
    root = raw_dir.resolve()
    file = (root / path).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        return None
    from pipelines.documents.read import read

    try:
        return read(file).text
    except (OSError, ValueError, RuntimeError):
        return None


def mark_text(text: str, marks: Sequence[Mapping[str, Any]], links: Mapping[str, Sequence[str]]) -> str:
    """The text escaped, with marks. `marks`: dicts with start_char, end_char, class, observation_id (or None), title,
    damaged. `links`: observation id to pages that show it. Marks that overlap an earlier one keep their anchor only."""
    out: list[str] = []
    at = 0
    for m in sorted(marks, key=lambda m: (m["start_char"], -m["end_char"])):
        start, end = m["start_char"], m["end_char"]
        anchor = f' id="{h(m["observation_id"])}"' if m["observation_id"] else ""
        if not 0 <= start < end <= len(text):
            continue
        if start < at:
            out.append(f"<span{anchor}></span>" if anchor else "")
            continue
        kind = m["class"] if m["class"] in CLASSES else "unread"
        out.append(_chars(text[at:start]))
        out.append(
            f'<mark class="{kind}{" damaged" if m.get("damaged") else ""}"{anchor} title="{h(m.get("title"))}">'
            f"{_chars(text[start:end])}</mark>"
        )
        out.extend(
            f'<a class="back" href="{h(target)}">↩</a>' for target in links.get(m["observation_id"] or "", ())[:2]
        )
        at = end
    out.append(_chars(text[at:]))
    return "".join(out)


def _chars(text: str) -> str:
    """Characters as found, escaped; control characters are shown as replacement marks, never obeyed."""
    shown = "".join(
        c if c in "\n\t" or (c.isprintable() or c == "\u3000") else "\ufffd" for c in text.replace("\r", "")
    )
    return (
        shown.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


def evidence_pages(
    warehouse: WarehouseLike,
    out_dir: Path,
    raw_dir: Path | None = None,
    links: Mapping[str, Sequence[str]] | None = None,
    docs: set[str] | None = None,
) -> list[Path]:
    """One page per document (or per published table) that has observations, in `out_dir`.

    `raw_dir`: the raw folder, for the text; without it the pages list the sentences. `links`: observation id to
    addresses of charts, relative to `out_dir`. `docs`: only these documents. Returns the files written.
    """
    links = links or {}
    observations = warehouse.table("observations")
    documents = {r["doc_id"]: r for r in warehouse.table("documents").iter_rows(named=True)}
    mentions = warehouse.table("mentions").partition_by("doc_id", as_dict=True)
    ctx = Context(warehouse, "zh")
    by_doc = observations.partition_by("doc_id", as_dict=True)
    ids = sorted({k[0] for k in by_doc} | {d for d, r in documents.items() if r["status"] == "ok"})
    files = []
    for doc_id in ids:
        if docs is not None and doc_id not in docs:
            continue
        rows = by_doc.get((doc_id,), observations.clear()).sort("start_char", "observation_id")
        found = mentions.get((doc_id,))
        files.append(
            write(
                out_dir / f"{page_name(doc_id)}.html",
                _document_page(ctx, doc_id, documents.get(doc_id), rows, found, raw_dir, links),
            )
        )
    return files


def _document_page(
    ctx: Context,
    doc_id: str,
    document: Mapping[str, Any] | None,
    rows: pl.DataFrame,
    mentions: pl.DataFrame | None,
    raw_dir: Path | None,
    links: Mapping[str, Sequence[str]],
) -> str:
    records = list(rows.iter_rows(named=True))
    title = h((document or {}).get("title") or (document or {}).get("path") or doc_id)
    head = [f"<h1>{title}</h1>"]
    if document:
        facts = [h(document[k]) for k in ("publisher", "published_on", "path") if document[k]]
        address = web_address(document["source_url"])
        if address:
            facts.append(f'<a href="{h(address)}" rel="noreferrer noopener">{h(address)}</a>')
        elif document["source_url"]:
            facts.append(h(document["source_url"]))
        head.append(f'<p class="note">{" · ".join(facts)}</p>')
    legend = " ".join(f'<mark class="{c}">{CLASS_ZH[c]} {c}</mark>' for c in CLASSES)
    head.append(f'<nav><a href="../index.html">图表 Charts</a></nav><p class="note">{legend}</p>')
    is_text = any(r["source_kind"] == "document" for r in records) or not records
    text = raw_text(raw_dir, document["path"]) if document and is_text else None
    body = ""
    marked: set[str] = set()
    if text is not None:
        marks: list[dict[str, Any]] = []
        seen: set[tuple[int, int]] = set()
        for r in records:
            span = (r["start_char"], r["end_char"])
            seen.add(span)
            value = "–" if r["value"] is None else f"{number(r['value'])} {r['unit'] or ''}"
            marks.append(
                {
                    "start_char": span[0],
                    "end_char": span[1],
                    "class": r["class"],
                    "observation_id": r["observation_id"],
                    "title": f"{r['indicator']}: {value}; {r['kind']}; {r['period'] or '?'}; {r['place_name'] or '?'}",
                    "damaged": "damaged" in (r["flags"] or ()),
                }
            )
            if 0 <= span[0] < span[1] <= min(len(text), MAX_CHARS):
                marked.add(r["observation_id"])
        for m in () if mentions is None else mentions.iter_rows(named=True):
            if (m["start_char"], m["end_char"]) not in seen:
                marks.append({**m, "observation_id": None, "title": m["rule"]})
        cut = ""
        if len(text) > MAX_CHARS:
            text, cut = text[:MAX_CHARS], '<p class="note">……正文过长，此处截断 The text goes on; shortened here.</p>'
        body = f'<h2>原文 Text as found</h2><div class="text">{mark_text(text, marks, links)}</div>{cut}'
    elif is_text and records:
        body = '<p class="note">原文未提供，以下为所引句子 The text is not at hand; the sentences cited are below.</p>'
    table = []
    for r in records:
        anchor = "" if r["observation_id"] in marked else f' id="{h(r["observation_id"])}"'
        place = h(r["place_name"]) or ctx.place(r["place_code"])
        value = "–" if r["value"] is None else h(number(r["value"]))
        target = f'<a href="#{h(r["observation_id"])}">{h(r["raw"])}</a>' if not anchor else h(r["raw"])
        backs = " ".join(f'<a href="{h(x)}">↩</a>' for x in links.get(r["observation_id"], ())[:4])
        table.append(
            f"<tr{anchor}><td>{target}</td><td>{h(r['indicator'])}</td><td class='n'>{value} {h(r['unit'])}</td>"
            f"<td>{h(r['period'])}</td><td>{place}</td><td>{h(r['sentence'])}</td><td>{backs}</td></tr>"
        )
    if table:
        body += (
            "<h2>读出的数值 Values read</h2><table><thead><tr><th>原文 Raw</th><th>指标 Indicator</th><th>数值 Value</th>"
            "<th>时期 Period</th><th>地区 Place</th><th>句子 Sentence</th><th>图 Chart</th></tr></thead><tbody>"
            + "".join(table)
            + "</tbody></table>"
        )
    foot = f"<footer><p>数据版本 Data vintage {h(ctx.vintage)} · {h(slug(doc_id))}</p></footer>"
    return page(title=title, body="".join(head) + body + foot, lang="zh", style=STYLE)
