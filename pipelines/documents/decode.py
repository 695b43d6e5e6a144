"""From bytes to characters: which encoding a text file is in, and its characters with newlines kept as they are.

Belongs here: byte order marks, declared and detected encodings, the order in which they are tried.
Does not belong here: file formats, the repair of text that was decoded wrongly before it was saved.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from pipelines.documents.model import DocumentError

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED_AS: Final = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "big5-hkscs": "big5hkscs",
}
_COMMON: Final = (
    "的一是在不了有和人這这中大為为上個个国國我以要他時时來来用們们生到作地於于出就分對对成會会可主發发年動动"
    "同工也能下過过子說说產产種种面而方後后多定行學学法所民得經经十三之進进着著等部度家電电力里裡如水化高自二理"
    "起小物現现實实加量都兩两體体制機机當当使點点從从業业本去把性好應应開开它合還还因由其些然前外天政四日那社義义"
    "事平形相全表間间樣样與与關关各重新線线內内數数正心反你明看原又麼么利比或但質质氣气第向道命此變变條条只沒没結结"
    "解問问意建月公無无系軍军很情者最立代想已通並并提直題题黨党程展五果料象員员革位入常文總总次品式活設设及管特件"
    "長长求老頭头基資资邊边流路級级少圖图山統统接知較较將将組组見见計计別别她手角期根論论運运農农指幾几九區区強强"
    "放決决西被幹干做必戰战先回則则任取據据處处隊队南給给色光門门即保治北造百規规熱热領领七海口東东導导器壓压志世"
    "金增爭争濟济階阶油思術术極极交受聯联什認认六共權权收證证改清己美再採采轉转更單单風风切打白教速花帶带安場场身"
    "車车例真務务具萬万每目至達达走積积示議议聲声報报鬥斗完類类八離离華华名確确才科張张信馬马節节話话米整空元況况"
    "今集溫温傳传土許许步群廣广石記记需段研界拉林律叫且究觀观越織织裝装影算低持音眾众書书布復复容兒儿須须際际商非"
    "驗验連连斷断深難难近礦矿千週周委素技備备半辦办青省列習习響响約约支般史感勞劳便團团往酸歷历市克何除消構构府稱称"
    "太準准精值號号率族維维劃划選选標标寫写存候毛親亲快效斯院查江型眼王按格養养易置派層层片始卻却專专狀状育廠厂京識识"
    "適适屬属圓圆包火住調调滿满縣县局照參参紅红細细引聽听該该鐵铁價价嚴严鎮镇鄉乡村貧贫戶户脫脱攻堅坚"
)

_GOOD: Final = re.compile(f"[{_COMMON}\u3000-\u3011，。；：！？（）、“”]+")
_BAD: Final = re.compile("[^\u3100-\udfff\x00-\u303f\uf900-\ufffc\ufffe\uffff]+")
"""Private use, kana, beyond the basic plane, the replacement character: told by what it is not, which is faster."""
_CONTROLS: Final = bytes([*range(0x07), *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F])
_WIDE_BYTES: Final = bytes(range(0x80, 0x100))
_NOT_UTF8: Final = bytes([0xC0, 0xC1, *range(0xE0, 0xE3), *range(0xEA, 0x100)])
"""Bytes in no character of Chinese text in UTF-8."""


def decode(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """Text and the name of the encoding; raises DocumentError("undecodable" or "binary").

    A byte order mark decides; then strict UTF-8, the encoding the document declares, GB18030 and Big5 (the one whose
    result reads more like Chinese), and last a statistical detector. The byte order mark is not part of the text.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(name), name
            except UnicodeDecodeError as error:
                raise _undecodable(name, error) from None
    wide = _wide_without_mark(data)
    if wide is not None:
        return data.decode(wide), wide
    if looks_binary(data):
        raise DocumentError("binary", "The file is not text: it holds control bytes that no text encoding has.")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        if _mostly_utf8(data):
            cut = _cut_at_end(data, error)
            if cut is not None:
                raise DocumentError("truncated", cut) from None
            raise _undecodable("utf-8", error) from None
    candidates: list[tuple[float, str, str]] = []
    names = ["gb18030", "big5hkscs"]
    if declared:
        name = _DECLARED_AS.get(declared.lower(), declared.lower())
        if name not in names and _known(name):
            names.insert(0, name)
    for name in names:
        try:
            text = data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        candidates.append((likelihood(text), name, text))
    candidates.sort(key=lambda c: -c[0])
    if candidates and candidates[0][0] > 0.02:
        return candidates[0][2], candidates[0][1]
    from charset_normalizer import from_bytes

    best = from_bytes(data[:1_000_000]).best()
    if best is not None and _known(best.encoding):
        try:
            return data.decode(best.encoding), best.encoding
        except UnicodeDecodeError:
            pass
    if candidates:
        return candidates[0][2], candidates[0][1]
    raise DocumentError(
        "undecodable",
        "The characters cannot be read in UTF-8, UTF-16, GB18030 or Big5; save the file as UTF-8 and add it again.",
    )


def likelihood(text: str) -> float:
    """How much a text reads like Chinese: share of very common characters, less what no real text holds."""
    sample = text[:200_000]
    wide = len(sample) - len(sample.encode("ascii", "ignore")) or 1
    return (_count(_GOOD, sample) - 3 * _count(_BAD, sample)) / wide


def _count(runs: re.Pattern[str], text: str) -> int:
    """Characters in all runs of a kind."""
    return sum(map(len, runs.findall(text)))


def looks_binary(data: bytes) -> bool:
    """True when the bytes hold what no text in an 8-bit encoding holds."""
    sample = data[:65536]
    if not sample:
        return False
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return b"\x00" in sample or controls / len(sample) > 0.02


def _wide_without_mark(data: bytes) -> str | None:
    sample = data[:4096]
    if len(data) % 2 or len(sample) < 4 or b"\x00" not in sample:
        return None
    for name in ("utf-16-le", "utf-16-be"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text and likelihood(text) > 0.2 and not re.search("[\x01-\x08\x0e-\x1f]", text):
            return name
    return None


def _mostly_utf8(data: bytes) -> bool:
    sample = data[:200_000]
    wide = len(sample) - len(sample.translate(None, _WIDE_BYTES))
    if len(sample) - len(sample.translate(None, _NOT_UTF8)) > 0.03 * wide:
        return False  # as in nearly every text in GB18030, without a look at each character
    valid = sum(map(len, re.findall(rb"[\xe3-\xe9][\x80-\xbf]{2}|[\xc2-\xdf][\x80-\xbf]", sample)))
    return wide > 0 and valid / wide > 0.97


def _cut_at_end(data: bytes, error: UnicodeDecodeError) -> str | None:
    if len(data) - error.start < 4 and error.reason == "unexpected end of data":
        return f"The file ends inside a character at byte {error.start}: it is cut off; fetch it again."
    return None


def _undecodable(name: str, error: UnicodeDecodeError) -> DocumentError:
    return DocumentError(
        "undecodable", f"Not valid {name.upper()} at byte {error.start}; save the file as UTF-8 and add it again."
    )


def _known(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True
