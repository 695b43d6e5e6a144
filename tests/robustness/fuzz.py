"""Mutation fuzzer for reading, repair and extraction.

    python tests/robustness/fuzz.py --target restore --executions 500000 --seed 1

A run is decided by its seed. Inputs grow from made-up report sentences, from damage as scraped copies show it, and from
inputs that reached a new outcome before. After every execution the target's law is checked: no exception but
DocumentError, offsets that lead to exactly the characters told, repairs that turn the original into the restored text,
values that are finite or missing. An execution that takes more than `LIMIT` seconds of processor time is a finding. With
`--engine atheris` the same laws run under coverage guidance where that package is installed.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
import traceback
import unicodedata
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "documents"))

from text_samples import sentence

from pipelines.documents.decode import decode
from pipelines.documents.markup import visible_text
from pipelines.documents.model import DocumentError
from pipelines.documents.read import read_bytes
from pipelines.documents.restore import apply_edits, restore, simplify

LIMIT = 2.0
"""Processor seconds one execution may take; inputs are short, so this is a thousand times the usual."""
EXACT = {"utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "gb18030"}
"""Encodings whose bytes come back when the text is encoded again."""
USUAL = 160
"""Characters of most inputs; long inputs find nothing more in the same time, but pumped ones show what takes too long."""
NUMBER_WORDS = "零一二三四五六七八九十百千万亿两半几多余成倍番"
TOKENS = [
    *"，。；：、！？（）()《》“”「」 \t\n\r\u3000\u00a0\ufeff\u200b\u202e\ufffd?？※*×＊○〇□■…—-－~～+±/／%％‰oOlI.．,，",
    *NUMBER_WORDS, "%o", "％o", "个百分点", "千分点", "万人", "亿元", "约", "以上", "以下", "左右", "不低于", "控制在", "达到",
    "增长", "下降", "由", "比上年", "分别为", "其中", "目标", "2011年", "二〇一一年", "1-6月", "上半年", "同比", "翻一番",
    "(chuàng)", "(jiàn)", "（xiàn）", "chuang", "&nbsp;", "&#37;", "&#x3c;", "&lt;", "&amp;amp;", "锟斤拷", "烫烫烫", "Ã¤Â¸", "å¹´",
    "ï¼", "\ue000", "\U00020000", "\u0301", "١٢٣", "Ⅻ", "①", "㈠", "½", "²", "12,345.67", "0.0", "00", "1e9", "9" * 30, "-5", "−3",
    "XX县", "×××", "某县", "北京市", "开江县", "一、", "(一)", "1.", "第一", "<p>", "</td><td>", "<!--", "-->", "<script>", "\x00", "\x1b[31m", "\x0c",
    "\t2020年\t", "\n\t\t", "\t-\t", "<td colspan=3>", "<td rowspan=2>", "<tr>", "</table>", "单位：万人", "合计\t", "网站地图|联系我们", "责任编辑", "打印本页", "澳门", "版权所有", "扫一扫",
]  # fmt: skip
TABLES = [
    "开江县人口\n指标|单位|2018年|2019年\n总人口|万人|59.3|-\n出生率|‰|9.1|9.0\n",
    "地区|2020年||2021年|\n|出生率(‰)|户数|出生率(‰)|户数\n开江县|9.1|1,234|8.8|1,240\n合计|9.2|…|8.9|X\n",
    "年份|指标|数值\n2019|出生人数（人）|120\n|其中：男|61*\n注：见表1\n",
    "单位：万人、‰\n县|总人口|出生率|比上年增长%\n甲|1|2|3\n开江县|59.7|8.9|0.3\n",
]


class Finding(AssertionError):
    """A law that did not hold."""


def law(holds: bool, words: str) -> None:
    if not holds:
        raise Finding(words)


# ------------------------------------------------------------------------------------------------------------- targets


def check_decode(data: bytes) -> str:
    try:
        text, encoding = decode(data)
    except DocumentError as error:
        law(bool(error.message) and error.message.endswith("."), "an error without a sentence")
        return error.status
    marks = {"utf-8-sig": 3, "utf-16": 2, "utf-32": 4}
    if encoding in EXACT:
        law(text.encode(encoding) == data, f"{encoding} does not come back")
    elif encoding in marks:
        law(len(text.encode(encoding)) >= len(data) - marks[encoding], f"{encoding} lost bytes")
    return encoding


def check_restore(data: bytes) -> str:
    try:
        text = data.decode("utf-8", "surrogatepass")  # halves of surrogate pairs are text that a caller may hand over
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    restored = restore(text)
    edits, result = restored.edits, restored.text
    last = 0
    for edit in edits:
        law(last <= edit.start <= edit.end <= len(text), f"edits overlap or leave the text: {edit}")
        law(
            edit.certain or not edit.candidates or bool(edit.candidates[0]) or edit.replacement == "",
            f"no candidate: {edit}",
        )
        last = edit.end
    law(simplify(apply_edits(text, edits)[0]) == result, "the edits do not turn the original into the restored text")
    repaired = {at for edit in edits for at in range(edit.start, edit.end)}
    pieces = restored.map.pieces
    derived = original = 0
    for d0, d1, o0, o1 in [*pieces, (len(result), len(result), len(text), len(text))]:
        law(d0 - derived == o0 - original >= 0, "the map runs out of step")
        for at, (a, b) in enumerate(zip(result[derived:d0], text[original:o0], strict=True), original):
            if a.isdecimal() and a != b and at not in repaired:
                law(unicodedata.normalize("NFKC", b) == a, f"a digit {a!r} where {b!r} stood")
        derived, original = d1, o1
    for at in range(0, len(result), max(1, len(result) // 7)):
        start, end = restored.map.to_original(at, at + 1)
        law(0 <= start <= end <= len(text), "the map leads outside the text")
    return ",".join(sorted({str(e.edit_class) for e in edits})) or "clean"


def check_markup(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    got = visible_text(text)
    last = 0
    for at in range(len(got.text)):
        start, end = got.map.to_original(at, at + 1)
        law(last <= start <= end <= len(text), "visible characters out of order")
        if end - start == 1 and got.text[at].isalnum() and text[start] not in "&<":
            law(text[start] == got.text[at] or text[start] == "&", f"{got.text[at]!r} leads to {text[start]!r}")
        last = max(last, start)
    return f"{len(got.map.pieces) > 0}"


def check_read(data: bytes) -> str:
    suffix = (
        (".txt", ".html", ".csv", ".docx", ".xlsx", ".pdf", ".doc", ".eml", ".mht")[data[0] % 9] if data else ".txt"
    )
    try:
        source = read_bytes(data[1:], "a" + suffix)
    except DocumentError as error:
        law(error.message.endswith("."), "an error without a sentence")
        return suffix + error.status
    law(bool(source.text.strip()), "no text and no error")
    if source.plain is not None:
        start, end = source.plain_map.to_original(0, len(source.plain))
        law(0 <= start <= end <= len(source.text), "the map leaves the file's text")
    return suffix + source.media_type


def check_extract(data: bytes, folder: Path) -> str:
    from pipelines.extraction.document import extract_records

    text = data.decode("utf-8", "replace").replace("\x00", "")
    path = folder / "a.txt"
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        records = extract_records(path)
    except DocumentError as error:
        return error.status
    text = text.removeprefix("\ufeff")
    seen: set[str] = set()
    for r in records:
        law(0 <= r["start"] < r["end"] <= len(text), f"offsets {r['start']}-{r['end']} of {len(text)}")
        law(text[r["start"] : r["end"]] == r["raw"], f"raw {r['raw']!r} is not what stands there")
        values = r["value"] if isinstance(r["value"], list) else [r["value"]]
        law(all(v is None or isfinite(v) for v in values), f"value {r['value']!r}")
        law("damaged" not in r["flags"] or r["value"] is None, f"a damaged number has the value {r['value']!r}")
        law(0 <= r["confidence"] <= 1, f"confidence {r['confidence']}")
        seen.add(f"{r['class']}/{r['kind']}")
    return ",".join(sorted(seen))


def targets(folder: Path) -> dict[str, Callable[[bytes], str]]:
    return {
        "decode": check_decode,
        "restore": check_restore,
        "markup": check_markup,
        "read": check_read,
        "extract": lambda data: check_extract(data, folder),
    }


# ----------------------------------------------------------------------------------------------------------- mutations


def seeds(rng: random.Random, target: str) -> list[bytes]:
    texts = [sentence(rng) for _ in range(60)]
    if target in ("markup", "read"):
        texts += [f"<html><body><p>{t}</p><table><tr><td>{t}</td></tr></table></body></html>" for t in texts[:10]]
    if target == "extract":
        texts += [t.replace("|", "\t") for t in TABLES]
    elif target == "markup":
        texts += ["<table><tr><td>" + t.replace("\n", "<tr><td>").replace("|", "<td>") for t in TABLES]
    data = [t.encode() for t in texts]
    if target in ("decode", "read"):
        data += [
            t.encode(e, "replace")
            for t in texts[:20]
            for e in ("gb18030", "big5", "utf-16", "utf-16-le", "utf-8-sig", "utf-16-be")
        ]
    return data


def damaged(rng: random.Random, text: str) -> str:
    """Damage as scraped copies have it: bytes lost in a wrong encoding, traditional and wide characters, pinyin."""
    kind = rng.randrange(5)
    if kind == 0:
        raw = bytearray(text.encode("gb18030", "replace"))
        for _ in range(rng.randrange(1, 4)):
            if raw:
                del raw[rng.randrange(len(raw))]
        return raw.decode("gb18030", "replace").replace("\ufffd", "?")
    if kind == 1:
        return text.encode("utf-8", "replace").decode("cp1252", "replace")
    if kind == 2:
        return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    if kind == 3 and text:
        at = rng.randrange(len(text))
        return text[:at] + text[at] + rng.choice(["(chuàng)", "（xiàn）", "(zhōng)"]) + text[at:]
    return "".join("?" if rng.random() < 0.1 else c for c in text)


def mutated(rng: random.Random, data: bytes, other: bytes, *, characters: bool, usual: int = USUAL) -> bytes:
    """A changed copy; `characters` keeps it valid UTF-8."""
    if characters:
        text = data.decode("utf-8", "replace")
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            at, to = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
            kind = rng.randrange(9)
            if kind <= 2:
                text = text[:at] + rng.choice(TOKENS) + text[at:]
            elif kind == 3:
                text = text[:at] + text[min(to, at + rng.randrange(1, 6)) :]
            elif kind == 4:
                text = text[:to] + text[at:to] + text[to:]
            elif kind == 5:
                text = text[:at] + other.decode("utf-8", "replace")[: rng.randrange(40)] + text[at:]
            elif kind == 6:
                text = damaged(rng, text[:400])
            elif kind == 7:
                text = (
                    text[:at]
                    + chr(rng.choice((rng.randrange(0x20, 0x7F), rng.randrange(0x4E00, 0x9FA5), rng.randrange(0xD7FF))))
                    + text[at:]
                )
            else:
                text = text[:at] + "".join(rng.choices("0123456789.,", k=rng.randrange(1, 9))) + text[at:]
        if rng.random() < 0.001:  # pumped: what takes time beyond measure shows on length
            text = (text[: rng.randrange(1, 30)] or "0") * rng.choice((50, 300, 1500))
            return text[:30_000].encode("utf-8", "replace")
        return text[:usual].encode("utf-8", "replace")
    raw = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        at = rng.randrange(len(raw) + 1)
        kind = rng.randrange(6)
        if kind == 0 and raw:
            raw[at % len(raw)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            raw[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 5)))
        elif kind == 2:
            del raw[at : at + rng.randrange(1, 5)]
        elif kind == 3:
            raw[at:at] = other[: rng.randrange(40)]
        elif kind == 4:
            raw[at:at] = rng.choice(TOKENS).encode(rng.choice(("utf-8", "gb18030", "utf-16-le", "big5")), "replace")
        else:
            raw[at:at] = raw[at : at + rng.randrange(1, 30)]
    return bytes(raw[: 3 * usual])


# ----------------------------------------------------------------------------------------------------------- execution


def _too_long(*_: Any) -> None:
    raise Finding(f"more than {LIMIT} s of processor time")


def run(
    target: str, executions: int, seed: int, *, usual: int = USUAL, say: bool = False, stop_after: int = 20
) -> dict[str, Any]:
    """Executes a target; the report has counts, outcomes and findings (words and the input that showed them)."""
    rng = random.Random(seed)
    findings: list[tuple[str, bytes]] = []
    known: set[str] = set()
    outcomes: set[str] = set()
    slowest, longest = 0.0, 0
    signal.signal(signal.SIGPROF, _too_long)
    with tempfile.TemporaryDirectory(prefix="xianzhi-fuzz-") as folder:
        check = targets(Path(folder))[target]
        pool = seeds(rng, target)
        base = len(pool)
        characters = target in ("restore", "markup", "extract")
        began = time.process_time()
        done = 0
        for done in range(1, executions + 1):
            data = mutated(rng, rng.choice(pool), rng.choice(pool), characters=characters, usual=usual)
            longest = max(longest, len(data))
            at = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, LIMIT + 0.5)
            try:
                outcome = check(data)
                if outcome not in outcomes:
                    outcomes.add(outcome)
                    pool.append(data[: 3 * usual])
                elif rng.random() < 0.01:
                    pool.append(data[: 3 * usual])
                if len(pool) > base + 2000:
                    del pool[rng.randrange(base, len(pool))]
            except Exception as error:
                signal.setitimer(signal.ITIMER_PROF, 0)
                last = traceback.extract_tb(error.__traceback__)[-1]
                words = f"{type(error).__name__}: {str(error)[:200]}"
                where = f"{type(error).__name__} {Path(last.filename).name}:{last.lineno} {str(error)[:24]}"
                if where not in known:
                    known.add(where)
                    findings.append((f"{words} at {Path(last.filename).name}:{last.lineno}", data))
                    if say:
                        print(f"finding after {done}: {findings[-1][0]}\n  {data[:400]!r}", flush=True)
                if len(findings) >= stop_after:
                    break
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            spent = time.process_time() - at
            slowest = max(slowest, spent)
            if say and done % 50_000 == 0:
                print(f"{target}: {done:,} executions, {len(findings)} findings, slowest {slowest:.2f} s", flush=True)
    return {
        "target": target, "executions": done, "seed": seed, "findings": findings, "outcomes": len(outcomes),
        "seconds": time.process_time() - began, "slowest": slowest, "longest": longest,
    }  # fmt: skip


def run_atheris(target: str, executions: int) -> None:
    """The same law under coverage guidance; ends the process when done or at the first finding."""
    import atheris  # type: ignore[import-not-found]

    folder = tempfile.mkdtemp(prefix="xianzhi-fuzz-")
    check = targets(Path(folder))[target]
    corpus, words = Path(folder) / "corpus", Path(folder) / "words.dict"
    corpus.mkdir()
    for n, data in enumerate(seeds(random.Random(1), target)):
        (corpus / str(n)).write_bytes(data)
    escaped = (
        "".join(f"\\x{byte:02x}" for byte in token.encode("utf-8", "replace")) for token in dict.fromkeys(TOKENS)
    )
    words.write_text("".join(f'"{token}"\n' for token in escaped), encoding="ascii")
    atheris.instrument_all()
    options = [f"-atheris_runs={executions}", "-max_len=1200", "-timeout=10", f"-dict={words}", str(corpus)]
    atheris.Setup([sys.argv[0], *options], check)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=[*targets(Path())], default="restore")
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--length", type=int, default=USUAL, help="Characters of a usual input.")
    parser.add_argument("--engine", choices=["own", "atheris"], default="own")
    chosen = parser.parse_args()
    if chosen.engine == "atheris":
        run_atheris(chosen.target, chosen.executions)
        return
    found = run(chosen.target, chosen.executions, chosen.seed, usual=chosen.length, say=True)
    print(
        f"{found['target']}: {found['executions']:,} executions, {len(found['findings'])} findings, {found['outcomes']} kinds of "
        f"outcome, slowest {found['slowest']:.2f} s, longest input {found['longest']:,} bytes, "
        f"{found['seconds']:.0f} s of processor time, seed {found['seed']}"
    )
    sys.exit(1 if found["findings"] else 0)


if __name__ == "__main__":
    main()
