"""Documents that try to be more than text: markup, scripts, formulas and odd addresses wherever a document may write.

Every attempt sets the global named TRAP, so that a page only has to be asked whether it exists.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

TRAP = "__document_ran"
SCRIPT = f"<script>{TRAP}=1</script>"
TRICKS = (
    SCRIPT,
    f"<img src=x onerror={TRAP}=1>",
    f'"><svg onload={TRAP}=1>',
    f"'-{TRAP}=1-'",
    f"</script><script>{TRAP}=1</script>",
    f"</div></mark><iframe srcdoc='<script>parent.{TRAP}=1</script>'></iframe>",
    f"javascript:{TRAP}=1",
    f'<a href="javascript:{TRAP}=1">x</a>',
    f"${{{TRAP}=1}} %{{customdata}} $\\href{{javascript:{TRAP}=1}}{{x}}$",
    f"<!--{SCRIPT}-->",
    f"&lt;script&gt;{TRAP}=1&lt;/script&gt;",
    f"=HYPERLINK(\"javascript:{TRAP}=1\")",
)  # fmt: skip


def body(year: int, trick: str) -> str:
    """A constructed report of a real county with a trick beside every number."""
    return (
        f"武清区{year}年人口工作总结{trick}\n"
        f"{trick}{year}年，全区出生率为8.{year % 10}6‰{trick}，低于10.66‰的目标{trick}。{trick}自然增长率为3.2{year % 10}‰。\n"
        f"年末户籍人口85.{year % 10}万人{trick}，{trick}人均纯收入1.2万元。{trick}指标{trick}率为98%。\n"
    )


def write_hostile_documents(raw: Path) -> None:
    """A raw folder: text files with hostile names and sidecars, a page, an archive, a table of published figures."""
    folder = raw / "documents"
    folder.mkdir(parents=True)
    for i in range(0, len(TRICKS), 3):  # three a document: all of them are tried, in few documents
        name = f"{i} {TRICKS[i]}"[:60].replace("/", "_")
        reports = [body(2001 + k, TRICKS[k]) for k in range(i, i + 3)]
        (folder / f"{name}.txt").write_text("\n".join(reports), encoding="utf-8")
        quoted = " ".join(TRICKS[i : i + 3]).replace("'", "''")
        (folder / f"{name}.yaml").write_text(
            f"title: '武清区报告 {quoted}'\npublisher: '{quoted}'\nsource_url: 'javascript:{TRAP}=1'\nnote: '{quoted}'\n",
            encoding="utf-8",
        )
    page = (
        f"<html><head><title>武清区{SCRIPT}</title></head><body onload='{TRAP}=1'>{body(2015, TRICKS[1])}</body></html>"
    )
    (folder / "page.html").write_text(page, encoding="utf-8")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"<img src=x onerror={TRAP}=1>.txt", body(2016, TRICKS[0]))
    (folder / "packed.zip").write_bytes(packed.getvalue())
