"""The way of one number, told in lines: from the characters in the file to the tables that use it.

Not here: any reading or calculation; all of it stands in the tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.warehouse.read import Warehouse


def _marked(sentence: str, raw: str) -> str:
    """The sentence with the mention in brackets, where it stands there unchanged and once."""
    if raw and sentence.count(raw) == 1:
        return sentence.replace(raw, f"【{raw}】")
    return f"{sentence}  【{raw}】"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.12g}"


def _interval(row: dict[str, Any]) -> str:
    low, high = row["value_lo"], row["value_hi"]
    return (
        ""
        if low is None and high is None
        else f", the wording allows {_number(low)} to {'any' if high is None else _number(high)}"
    )


def explain(warehouse: Warehouse, observation_id: str) -> Iterator[str]:
    """Lines that lead from the document to the published number; raises ReadError for an unknown id."""
    o = warehouse.observation(observation_id)
    documents = warehouse.sql("SELECT * FROM documents WHERE doc_id = ? OR path = ?", [o["doc_id"], o["doc_id"]])
    yield f"observation  {o['observation_id']}"
    yield f"sentence     {_marked(o['sentence'] or '', o['raw'])}"
    for d in documents.to_dicts():
        yield f"document     {d['path']}  ({d['title'] or 'no title'})"
        if d["source_url"]:
            yield f"published at {d['source_url']}"
        yield f"file         sha256 {d['sha256']}, {d['encoding'] or d['media_type']}"
    yield f"characters   {o['start_char']}-{o['end_char']} of the decoded file, section {o['section']}: {o['raw']!r}"
    yield f"read as      {o['class']}, {o['kind']}: {o['indicator']} = {_number(o['value'])} {o['unit'] or ''} ({o['approx']}{_interval(o)})"
    yield f"indicator    {o['indicator_id'] or 'not in the catalogue'}"
    yield f"place        {o['place_name'] or 'unknown'} {o['place_code'] or ''}{' / ' + o['scope'] if o['scope'] else ''}"
    yield f"period       {o['period'] or 'unknown'} ({o['period_kind']}) from {o['period_text'] or 'the section'!r}"
    yield f"basis        {o['basis'] or 'not said'}; source rank {o['source_rank']}, {o['status']}"
    yield f"rules        {o['rule']}  (extractor {o['extractor_version']}), confidence {o['confidence']:.2f}"
    if o["flags"]:
        yield f"flags        {', '.join(o['flags'])}"
    if o["candidates"]:
        yield f"may also be  {', '.join(o['candidates'])}"
    for relation, other in zip(o["links_rel"], o["links_to"], strict=True):
        yield f"linked       {relation} {other}"
    used = False
    for p in warehouse.sql("SELECT * FROM series WHERE observation_id = ?", [observation_id]).to_dicts():
        used = True
        conflict = f", {p['conflict']} conflict with {', '.join(p['other_observation_ids'])}" if p["conflict"] else ""
        yield f"series       {p['indicator_id']} {p['period']} = {_number(p['value'])} {p['unit']} ({p['status']}, {p['n_sources']} sources{conflict})"
    beaten = warehouse.sql("SELECT * FROM series WHERE list_contains(other_observation_ids, ?)", [observation_id])
    for p in beaten.to_dicts():
        used = True
        yield f"series       {p['indicator_id']} {p['period']}: {p['observation_id']} was chosen instead ({_number(p['value'])} {p['unit']})"
    for g in warehouse.sql("SELECT * FROM growth_rates WHERE observation_id = ?", [observation_id]).to_dicts():
        growth = g["reason"] if g["growth"] is None else f"{g['growth']:+.4%}"
        yield f"growth       against {g['prior_period']} ({_number(g['prior_value'])}): change {_number(g['abs_change'])}, {growth}"
    for g in warehouse.sql("SELECT * FROM target_gaps WHERE observation_id = ?", [observation_id]).to_dicts():
        used = True
        yield f"target gap   {g['relation']} {_number(g['target'])} {g['unit'] or ''}: {g['gap_label']} {_number(g['gap'])}, {g['status']} (reading {g['reading']})"
    for t in warehouse.sql(
        "SELECT * FROM targets WHERE list_contains(observation_ids, ?)", [observation_id]
    ).to_dicts():
        used = True
        yield f"target       {t['target_id']}: {t['relation']} {_number(t['value'])} {t['unit'] or ''} ({t['reading']})"
    if not used:
        yield "use          in no series and no gap"
