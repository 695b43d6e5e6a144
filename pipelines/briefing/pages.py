"""Chart pages and the index: HTML that works from a folder, without network, with links to the evidence.

Which charts are made is decided in `export`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.briefing.common import h, inert, page, script_json
from pipelines.charts import Context
from pipelines.charts.theme import Lang, quantity, word

SAFE_LINK = r"^evidence\/[0-9a-f]{12}\.html#[\w:.%\-]+$"

DRAW = """(function(){
var figures=%s, base=%s, safe=/%s/;
figures.forEach(function(f){
  var node=document.getElementById(f.id);
  Plotly.newPlot(node,f.figure.data,f.figure.layout,{displaylogo:false,responsive:false,modeBarButtonsToRemove:["lasso2d","select2d"]}).then(function(){
    node.on("plotly_click",function(e){
      var d=e.points[0]&&e.points[0].customdata, u=d&&d[0];
      if(typeof u==="string"&&safe.test(u)){window.location.href=base+u;}
    });
    node.setAttribute("data-drawn","yes");
  });
});
})();"""


def drawing(figures: Sequence[tuple[str, Any]], base: str) -> str:
    """The script that draws figures (element id, Plotly figure) and opens the evidence on a click."""
    specs = ",".join(f'{{"id":{script_json(i)},"figure":{inert(fig.to_json())}}}' for i, fig in figures)
    return DRAW % (f"[{specs}]", script_json(base), SAFE_LINK)


def evidence_table(ctx: Context, rows: Sequence[Mapping[str, Any]], base: str) -> str:
    """Points with their sentences and links, for readers without a mouse, and for print. `rows`: period, value, unit,
    basis, observation_id."""
    lang: Lang = ctx.lang
    ctx.load(r["observation_id"] for r in rows)
    body = []
    for r in rows:
        link = ctx.link(r["observation_id"])
        sentence = h(ctx.sentence(r["observation_id"]))
        cell = f'<a href="{h(base + link)}">{sentence or h(r["observation_id"])}</a>' if link else sentence
        body.append(
            f"<tr><td>{h(r['period'])}</td><td class='n'>{h(quantity(r['value'], r['unit'], lang))}</td>"
            f"<td>{ctx.basis(r.get('basis')) if r.get('basis') is not None else ''}</td>"
            f"<td>{cell}<br><span class='note'>{h(ctx.document(r['observation_id']))}</span></td></tr>"
        )
    if not body:
        return ""
    names = [word(k, lang) for k in ("period", "value", "basis", "source")]
    head = "".join(f"<th>{n}</th>" for n in names)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def chart_page(ctx: Context, name: str, fig: Any, rows: Sequence[Mapping[str, Any]], other: str | None) -> str:
    """Page of one chart in `charts/`: the figure, the evidence as a table, links to the index and the other language."""
    lang = ctx.lang
    links = [f'<a href="../index.html">{"全部图表" if lang == "zh" else "All charts"}</a>']
    if other:
        links.append(f'<a href="{h(other)}">{"English" if lang == "zh" else "中文"}</a>')
    title = h(fig.layout.meta["title"])
    body = (
        f'<nav>{" · ".join(links)}</nav><div class="figure"><div id="chart" role="img" aria-label="{title}"></div></div>'
        f"<h2>{word('evidence', lang)}</h2>{evidence_table(ctx, rows, '../')}"
    )
    script = drawing([("chart", fig)], "../")
    return page(title=title, body=body, lang=lang, scripts=(script,), library="../plotly.min.js")


def one_pager(ctx: Context, heading: str, figures: Sequence[tuple[str, Any]]) -> str:
    """Several charts of one place on one page, at the top of the exports folder; `figures`: (address, figure)."""
    lang = ctx.lang
    parts = [f'<nav><a href="index.html">{"全部图表" if lang == "zh" else "All charts"}</a></nav><h1>{heading}</h1>']
    for i, (address, fig) in enumerate(figures):
        more = "数据与出处" if lang == "zh" else "data and evidence"
        parts.append(
            f'<div class="figure"><div id="f{i}" role="img" aria-label="{h(fig.layout.meta["title"])}"></div></div>'
            f'<p class="note"><a href="{h(address)}">{more}</a></p>'
        )
    script = drawing([(f"f{i}", fig) for i, (_, fig) in enumerate(figures)], "")
    return page(title=heading, body="".join(parts), lang=lang, scripts=(script,), library="plotly.min.js")


def index_page(groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], vintage: str, notes: Sequence[str]) -> str:
    """The list of everything exported: groups of (heading, [(address, label)]), both languages on one page."""
    parts = [f'<h1>县区指标图表 Charts and data</h1><p class="note">数据版本 Data vintage {h(vintage)}</p>']
    for heading, items in groups:
        if items:
            lines = ""
            for address, label in items:
                link = f'<a href="{h(address)}">{h(label)}</a>'
                english = address.endswith("_en.html")
                lines += f'<br><span class="note">{link}</span>' if english and lines else f"</li><li>{link}"
            lines = lines.removeprefix("</li>") + "</li>"
            parts.append(f"<h2>{heading}</h2><ul>{lines}</ul>")
    if notes:
        parts.append("<h2>未生成 Not made</h2><ul>" + "".join(f"<li>{h(n)}</li>" for n in notes) + "</ul>")
    return page(title="Charts and data", body="".join(parts), lang="zh")
