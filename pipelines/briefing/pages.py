"""Chart pages and the index: HTML that works from a folder, without network, with links to the evidence.

Which charts are made is decided in `export`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.briefing.common import h, inert, page, script_json
from pipelines.charts import Context
from pipelines.charts.theme import Lang, period_name, quantity, word

SAFE_LINK = r"^evidence\/[0-9a-f]{12}\.html#[\w:.%\-]+$"

DRAW = """(function(){
var figures=%s, base=%s, inside=%s, safe=/%s/, at="";
try { at=decodeURIComponent((location.hash.match(/^#at=(.+)$/)||["",""])[1]); } catch(e) { at=""; }
var rows=document.querySelectorAll("tr[data-o]");
figures.forEach(function(f){
  var node=document.getElementById(f.id);
  Plotly.newPlot(node,f.figure.data,f.figure.layout,{displaylogo:false,responsive:false,modeBarButtonsToRemove:["lasso2d","select2d"]}).then(function(){
    node.on("plotly_click",function(e){
      var d=e.points[0]&&e.points[0].customdata, u=d&&d[0];
      if(inside&&d&&light(d[1],true)) return;
      if(typeof u==="string"&&safe.test(u)){window.location.href=base+u;}
    });
    node.setAttribute("data-drawn","yes");
    if(at) show(node);
  });
});
if(at) light(at,false);
function light(id,go){
  var first=null;
  rows.forEach(function(row){
    var is=row.getAttribute("data-o")===id;
    row.className=is?"at":"";
    if(is&&!first) first=row;
  });
  if(first&&go){
    var more=first.closest("details");
    if(more) more.open=true;
    first.scrollIntoView({block:"center"});
  }
  return first;
}
function show(node){
  for(var i=0;i<node.data.length;i++){
    var custom=node.data[i].customdata||[];
    for(var j=0;j<custom.length;j++){
      if(custom[j]&&custom[j][1]===at){
        node.scrollIntoView({block:"center"});
        Plotly.Fx.hover(node,[{curveNumber:i,pointNumber:j}]);
        node.setAttribute("data-at",at);
        return;
      }
    }
  }
}
})();"""
"""Draws the figures. A click leads to the evidence: inside the page where it is self-contained, else to the document's
page; `#at=` and an observation in the address shows its point, which is the way back."""


def drawing(figures: Sequence[tuple[str, str]], base: str, inside: bool = False) -> str:
    """The script that draws figures (element id, Plotly figure as JSON) and opens the evidence on a click."""
    specs = ",".join(f'{{"id":{script_json(i)},"figure":{inert(spec)}}}' for i, spec in figures)
    return DRAW % (f"[{specs}]", script_json(base), script_json(inside), SAFE_LINK)


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
            f"<tr data-o='{h(r['observation_id'])}'><td>{h(period_name(r['period'], lang))}</td><td class='n'>{h(quantity(r['value'], r['unit'], lang))}</td>"
            f"<td>{ctx.basis(r.get('basis')) if r.get('basis') is not None else ''}</td>"
            f"<td>{cell}<br><span class='note'>{h(ctx.document(r['observation_id']))}</span></td></tr>"
        )
    if not body:
        return ""
    names = [word(k, lang) for k in ("period", "value", "basis", "source")]
    head = "".join(f"<th>{n}</th>" for n in names)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart of a page: the address of its own page, its title, the Plotly figure as JSON, its rows as evidence."""

    address: str
    title: str
    spec: str
    rows: Sequence[Mapping[str, Any]]


def chart_page(ctx: Context, panel: Panel, other: str | None) -> str:
    """Page of one chart in `charts/`: the figure, the evidence as a table, links to the index and the other language."""
    lang = ctx.lang
    links = [f'<a href="../index.html">{"全部图表" if lang == "zh" else "All charts"}</a>']
    if other:
        links.append(f'<a href="{h(other)}">{"English" if lang == "zh" else "中文"}</a>')
    title = h(panel.title)
    body = (
        f'<nav>{" · ".join(links)}</nav><div class="figure"><div id="chart" role="img" aria-label="{title}"></div></div>'
        f"<h2>{word('evidence', lang)}</h2>{evidence_table(ctx, panel.rows, '../')}"
    )
    script = drawing([("chart", panel.spec)], "../")
    return page(title=title, body=body, lang=lang, scripts=(script,), library="../plotly.min.js")


def one_pager(ctx: Context, heading: str, panels: Sequence[Panel], library: str = "") -> str:
    """Several charts of one place on one page, at the top of the exports folder, each with its evidence below.

    `library`: the text of plotly.js, so that the page is one file that can be sent alone; without it the page uses
    `plotly.min.js` beside it.
    """
    lang = ctx.lang
    zh = lang == "zh"
    parts = [f'<nav><a href="index.html">{"全部图表" if zh else "All charts"}</a></nav><h1>{heading}</h1>']
    for i, panel in enumerate(panels):
        title = h(panel.title)
        own = f'<a href="{h(panel.address)}">{"单独一页" if zh else "its own page"}</a>'
        parts.append(
            f'<div class="figure"><div id="f{i}" role="img" aria-label="{title}"></div></div>'
            f"<details><summary class='note'>{word('evidence', lang)}</summary>"
            f'{evidence_table(ctx, panel.rows, "")}</details><p class="note">{own}</p>'
        )
    script = drawing([(f"f{i}", panel.spec) for i, panel in enumerate(panels)], "", bool(library))
    scripts = (library, script) if library else (script,)
    return page(
        title=heading, body="".join(parts), lang=lang, scripts=scripts, library="" if library else "plotly.min.js"
    )


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
