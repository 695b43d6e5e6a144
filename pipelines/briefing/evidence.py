"""Evidence pages: each document's text as found, every numeric mention marked by class, every repair shown before and
after, an anchor for every observation.

The pages hold no script at all, and nothing in a document can become markup. Reading file formats and repairing text do
not belong here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.briefing.common import h, page, slug, web_address, write
from pipelines.charts import Context, WarehouseLike, page_name
from pipelines.charts.theme import number, period_name
from pipelines.documents.archives import is_archive, unpack
from pipelines.documents.model import DocumentError, Edit, SourceText
from pipelines.documents.read import read
from pipelines.documents.restore import restore

CLASSES = ("indicator", "norm", "date", "label", "noise", "unread")
CLASS_ZH = {"indicator": "指标", "norm": "标准", "date": "日期", "label": "编号", "noise": "噪声", "unread": "未读"}
MAX_CHARS = 1_500_000
CHARTS_AT_MOST = 3
"""Charts that a mark leads back to."""
SILENT = ("markup",)
"""Repairs that would only clutter the page: tags that were taken off."""

STYLE = """
.text { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid #E3E7EB; padding-left: 1rem; }
mark { color: inherit; background: #EEF1F4; border-bottom: 2px solid #B6BEC6; padding: 0 .1em; }
mark.indicator { background: #DCECF6; border-color: #0072B2; } mark.norm { background: #E3F3EC; border-color: #009E73; }
mark.date { background: #F4F0FA; border-color: #AA4499; } mark.unread { background: #FBE9DC; border-color: #D55E00; }
mark.damaged { border-bottom-style: dashed; }
del { color: #8A4B1F; text-decoration: line-through; text-decoration-thickness: 1px; }
ins { color: #00563F; text-decoration: none; border: 1px solid #7FBFA5; border-radius: .2em; padding: 0 .15em; }
ins.maybe { color: #7A3A00; border: 1px dashed #D55E00; }
#plain:checked ~ .text ins, #repaired:checked ~ .text del { display: none; }
#plain:checked ~ .text del { color: inherit; text-decoration: none; }
#repaired:checked ~ .text ins { border: 0; padding: 0; }
mark:target, tr:target td { background: #FFE08A; outline: 2px solid #D55E00; }
:target { scroll-margin-top: 35vh; } a.back { font-size: .75em; text-decoration: none; vertical-align: super; }
input[type=radio] { margin: 0 .2rem 0 .8rem; } nav a { margin-right: .8rem; }
"""


@dataclass(slots=True)
class Originals:
    """The files behind the documents of a raw folder; archives are unpacked into `scratch` as needed."""

    root: Path
    scratch: Path
    _archives: dict[Path, dict[str, Path]] = field(default_factory=dict)

    def source(self, path: str, sha256: str) -> SourceText | None:
        """A document as read, offsets as in the warehouse; None where it cannot be read, or where the file is no longer
        the one that was read (`sha256`): its offsets would mark the wrong characters."""
        file = self._file(path)
        if file is None:
            return None
        try:
            source = read(file)
        except (OSError, ValueError, RuntimeError, DocumentError):
            return None
        return source if source.sha256 == sha256 else None

    def _file(self, path: str) -> Path | None:
        root = self.root.resolve()
        name, inside, member = path.partition("!/")
        if inside and is_archive(name):
            archive = self._within(root, name)
            return None if archive is None else self._members(archive).get(member)
        return self._within(root, path)

    @staticmethod
    def _within(root: Path, path: str) -> Path | None:
        try:
            file = (root / path).resolve()
            return file if file.is_relative_to(root) and file.is_file() else None
        except (OSError, ValueError):
            return None

    def _members(self, archive: Path) -> dict[str, Path]:
        if archive not in self._archives:
            self._archives[archive] = {m.name: m.path for m in unpack(archive, self.scratch) if m.path is not None}
        return self._archives[archive]


def mark_text(
    text: str,
    marks: Sequence[Mapping[str, Any]],
    links: Mapping[str, Sequence[str]],
    repairs: Sequence[Edit] = (),
) -> str:
    """The text escaped, with marks and repairs.

    `marks`: dicts with start_char, end_char, class, observation_id (or None), title, damaged. `links`: observation id to
    names of charts that show it. `repairs`: struck out as found, with what was read behind it; an uncertain repair shows
    all that the bytes allow. Marks that overlap an earlier one keep their anchor only.
    """
    out: list[str] = []
    at = 0
    pending = _Repairs(repairs)
    for m in sorted(marks, key=lambda m: (m["start_char"], -m["end_char"])):
        start, end = m["start_char"], m["end_char"]
        anchor = f' id="{h(m["observation_id"])}"' if m["observation_id"] else ""
        if not 0 <= start < end <= len(text):
            continue
        if start < at:
            out.append(f"<span{anchor}></span>" if anchor else "")
            continue
        kind = m["class"] if m["class"] in CLASSES else "unread"
        out.append(pending.render(text, at, start))
        out.append(
            f'<mark class="{kind}{" damaged" if m.get("damaged") else ""}"{anchor} title="{h(m.get("title"))}">'
            f"{pending.render(text, start, end)}</mark>"
        )
        out.append(back_links(links.get(m["observation_id"] or "", ())[:1], m["observation_id"]))
        at = end
    out.append(pending.render(text, at, len(text)))
    return "".join(out)


class _Repairs:
    """Repairs in order; `render` gives a stretch of text with those that touch it."""

    def __init__(self, repairs: Sequence[Edit]) -> None:
        self._repairs = sorted((r for r in repairs if r.edit_class not in SILENT), key=lambda r: (r.start, r.end))
        self._next = 0

    def render(self, text: str, start: int, end: int) -> str:
        """text[start:end] escaped; stretches must be asked for in order. A repair is shown where it ends."""
        out: list[str] = []
        at = start
        while self._next < len(self._repairs):
            r = self._repairs[self._next]
            if r.start >= end and not (r.start == r.end == end == len(text)):
                break
            begin = max(r.start, at)
            out.append(_chars(text[at:begin]))
            if r.end > end:  # goes on in the next stretch, which strikes out the rest
                out.append(f"<del>{_chars(text[begin:end])}</del>" if begin < end else "")
                return "".join(out)
            if begin < r.end:
                out.append(f"<del>{_chars(text[begin : r.end])}</del>")
            out.append(_read_as(r))
            at = max(at, r.end)
            self._next += 1
        out.append(_chars(text[at:end]))
        return "".join(out)


def _read_as(repair: Edit) -> str:
    """What was read instead, with the kind of damage; every candidate where the bytes do not decide."""
    choices = list(dict.fromkeys([repair.replacement, *repair.candidates]))
    kind = repair.edit_class.replace("_", " ")
    if repair.certain:
        return f'<ins title="{kind}">{_chars(repair.replacement)}</ins>' if repair.replacement else ""
    shown = " / ".join(_chars(c) or "∅" for c in choices[:5]) + (" …" if len(choices) > 5 else "")
    risk = "；可能丢失数字 a digit may be lost" if repair.number_risk else ""
    return f'<ins class="maybe" title="{kind}；不确定 uncertain{risk}">{shown}?</ins>'


def back_links(charts: Sequence[str], observation_id: str | None) -> str:
    """Links back to the charts that show an observation, at its point, in both languages."""
    if not observation_id:
        return ""
    return "".join(
        f'<a class="back" href="../charts/{h(name)}_{lang}.html#at={h(observation_id)}">{label}</a>'
        for name in charts[:CHARTS_AT_MOST]
        for lang, label in (("zh", "↩图"), ("en", "EN "))
    )


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

    `raw_dir`: the raw folder, for the text; without it the pages list the sentences. `links`: observation id to names
    of charts, without language and suffix. `docs`: only these documents. Returns the files written.
    """
    links = links or {}
    observations = warehouse.table("observations")
    documents = {r["doc_id"]: r for r in warehouse.table("documents").iter_rows(named=True)}
    mentions = warehouse.table("mentions").partition_by("doc_id", as_dict=True)
    ctx = Context(warehouse, "zh")
    by_doc = observations.partition_by("doc_id", as_dict=True)
    ids = sorted({k[0] for k in by_doc} | {d for d, r in documents.items() if r["status"] == "ok"})
    files = []
    with ExitStack() as stack:
        originals = None
        if raw_dir is not None:
            originals = Originals(raw_dir, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xianzhi-"))))
        for doc_id in ids:
            if docs is not None and doc_id not in docs:
                continue
            rows = by_doc.get((doc_id,), observations.clear()).sort("start_char", "observation_id")
            text = _document_page(ctx, doc_id, documents.get(doc_id), rows, mentions.get((doc_id,)), originals, links)
            files.append(write(out_dir / f"{page_name(doc_id)}.html", text))
    return files


def _document_page(
    ctx: Context,
    doc_id: str,
    document: Mapping[str, Any] | None,
    rows: pl.DataFrame,
    mentions: pl.DataFrame | None,
    originals: Originals | None,
    links: Mapping[str, Sequence[str]],
) -> str:
    records = list(rows.iter_rows(named=True))
    title = h((document or {}).get("title") or (document or {}).get("path") or doc_id)
    is_text = any(r["source_kind"] == "document" for r in records) or not records
    source = originals.source(document["path"], document["sha256"]) if document and is_text and originals else None
    marked: set[str] = set()
    body = ""
    if source is not None:
        body, marked = _text_part(source, records, mentions, links)
    elif is_text and records:
        body = (
            '<p class="note">原文未提供或已改动，以下为所引句子 The text is not at hand, or was changed since; '
            "the sentences cited are below.</p>"
        )
    body += _table_part(ctx, records, marked, links)
    foot = f"<footer><p>数据版本 Data vintage {h(ctx.vintage)} · {h(slug(doc_id))}</p></footer>"
    head = _head(title, document) + '<nav><a href="../index.html">全部图表 All charts</a></nav>'
    return page(title=title, body=head + body + foot, lang="zh", style=STYLE)


def _head(title: str, document: Mapping[str, Any] | None) -> str:
    if not document:
        return f"<h1>{title}</h1>"
    facts = [h(document[k]) for k in ("publisher", "published_on", "path") if document[k]]
    address = web_address(document["source_url"])
    if address:
        facts.append(f'<a href="{h(address)}" rel="noreferrer noopener">{h(address)}</a>')
    elif document["source_url"]:
        facts.append(h(document["source_url"]))
    if document["n_repairs"]:
        facts.append(
            f"修复 {h(document['n_repairs'])} 处，其中不确定 {h(document['n_damaged'] or 0)} 处 "
            f"{h(document['n_repairs'])} repairs, {h(document['n_damaged'] or 0)} uncertain"
        )
    return f'<h1>{title}</h1><p class="note">{" · ".join(facts)}</p>'


def _text_part(
    source: SourceText,
    records: Sequence[Mapping[str, Any]],
    mentions: pl.DataFrame | None,
    links: Mapping[str, Sequence[str]],
) -> tuple[str, set[str]]:
    """The text with its marks and repairs; also the observations that have their anchor in it."""
    text = source.text
    marks: list[dict[str, Any]] = []
    seen: set[tuple[int, int]] = set()
    marked: set[str] = set()
    for r in records:
        span = (r["start_char"], r["end_char"])
        seen.add(span)
        value = "–" if r["value"] is None else f"{number(r['value'])} {r['unit'] or ''}"
        told = [
            f"{r['indicator']}: {value}",
            r["kind"],
            period_name(r["period"], "zh"),
            r["place_name"] or "地区不明",
            *(r["flags"] or ()),
        ]
        marks.append(
            {
                "start_char": span[0],
                "end_char": span[1],
                "class": r["class"],
                "observation_id": r["observation_id"],
                "title": "; ".join(told),
                "damaged": "damaged" in (r["flags"] or ()),
            }
        )
        if 0 <= span[0] < span[1] <= min(len(text), MAX_CHARS):
            marked.add(r["observation_id"])
    for m in () if mentions is None else mentions.iter_rows(named=True):
        if (m["start_char"], m["end_char"]) not in seen:
            marks.append({**m, "observation_id": None, "title": m["rule"]})
    repairs = repairs_of(source)
    cut = ""
    if len(text) > MAX_CHARS:
        text, cut = text[:MAX_CHARS], '<p class="note">……正文过长，此处截断 The text goes on; shortened here.</p>'
    legend = " ".join(f'<mark class="{c}">{CLASS_ZH[c]} {c}</mark>' for c in CLASSES)
    choice = ""
    if any(r.edit_class not in SILENT for r in repairs):
        legend += " <del>原文 as found</del><ins>修复 repaired</ins> <ins class='maybe'>不确定 uncertain</ins>"
        choice = "".join(
            f'<input type="radio" name="view" id="{i}"{" checked" if i == "both" else ""}><label for="{i}">{label}</label>'
            for i, label in (("both", "对照 both"), ("plain", "原文 as found"), ("repaired", "修复后 repaired"))
        )
    return (
        f'<p class="note">{legend}</p><h2>原文 Text as found</h2>{choice}'
        f'<div class="text">{mark_text(text, marks, links, repairs)}</div>{cut}'
    ), marked


def repairs_of(source: SourceText) -> list[Edit]:
    """The repairs made while reading, with spans in `source.text`."""
    if source.plain is None:
        return list(restore(source.text).edits)
    edits = restore(source.plain).edits
    spans = (source.plain_map.to_original(e.start, e.end) for e in edits)
    return [e._replace(start=start, end=end) for e, (start, end) in zip(edits, spans, strict=True)]


def _table_part(
    ctx: Context, records: Sequence[Mapping[str, Any]], marked: set[str], links: Mapping[str, Sequence[str]]
) -> str:
    """The observations of the document as a table; those without an anchor in the text have it here."""
    table = []
    for r in records:
        anchor = "" if r["observation_id"] in marked else f' id="{h(r["observation_id"])}"'
        place = h(r["place_name"]) or ctx.place(r["place_code"])
        value = "–" if r["value"] is None else h(number(r["value"]))
        target = f'<a href="#{h(r["observation_id"])}">{h(r["raw"])}</a>' if not anchor else h(r["raw"])
        table.append(
            f"<tr{anchor}><td>{target}</td><td>{h(r['indicator'])}</td><td class='n'>{value} {h(r['unit'])}</td>"
            f"<td>{h(period_name(r['period'], 'zh'))}</td><td>{place}</td><td>{h(r['sentence'])}</td>"
            f"<td>{back_links(links.get(r['observation_id'], ()), r['observation_id'])}</td></tr>"
        )
    if not table:
        return ""
    return (
        "<h2>读出的数值 Values read</h2><table><thead><tr><th>原文 Raw</th><th>指标 Indicator</th><th>数值 Value</th>"
        "<th>时期 Period</th><th>地区 Place</th><th>句子 Sentence</th><th>图 Chart</th></tr></thead><tbody>"
        + "".join(table)
        + "</tbody></table>"
    )
