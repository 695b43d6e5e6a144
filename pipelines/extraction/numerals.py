"""Values of written numbers: Arabic digits with scale words, Chinese numerals, both mixed, fractions.

Only the number itself; units, modifiers and meaning belong to `mentions`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

DIGITS = (
    {c: i for i, c in enumerate("零一二三四五六七八九")}
    | {"〇": 0, "○": 0, "两": 2, "壹": 1, "贰": 2, "叁": 3, "肆": 4}
    | {"伍": 5, "陆": 6, "柒": 7, "捌": 8, "玖": 9, "俩": 2, "倆": 2, "仨": 3}
)
SMALL_SCALES = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
LARGE_SCALES = {"万": 10**4, "亿": 10**8, "兆": 10**12}
ARABIC = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?"
SCALE = r"(?:十|百|千(?![米克瓦卡伏])|万亿|千万|百万|十万|万万|万|亿)"  # 12千米 is 12公里
_TOKEN = re.compile(rf"{ARABIC}|.", re.S)
_ZERO = frozenset("零〇○")


@lru_cache(maxsize=64)
def scale_value(words: str) -> int:
    """Product of scale words: 万 -> 10000, 千万 -> 10**7, 万亿 -> 10**12; no word -> 1."""
    product = 1
    for word in words:
        product *= SMALL_SCALES.get(word) or LARGE_SCALES[word]
    return product


def arabic_value(digits: str, scale: str = "") -> float:
    """Value of Arabic digits with an optional scale word: ("7.1", "亿") -> 7.1e8, exact to the written digits."""
    text = digits.replace(",", "")
    if not scale:
        return float(text)
    factor = scale_value(scale)
    whole, _, decimals = text.partition(".")
    number = int(whole + decimals) * factor / 10 ** len(decimals)
    return float(number)


@lru_cache(maxsize=4096)
def chinese_value(text: str) -> float | None:
    """Value of a numeral written in Chinese or with Chinese scale words between Arabic digits, None if it is none.

    Read are 三百二十, 二〇一二, 两千, 一千零五, 百 (one hundred), the short forms 三百二 (320) and 一万五 (15000), decimals
    (三点六, 一点五亿), forms for cheques (壹佰), 负, and mixed writing (28万4千, 1千零20, 3万4000).

    >>> chinese_value("三百二十"), chinese_value("二〇一二"), chinese_value("十五"), chinese_value("二十三点六")
    (320.0, 2012.0, 15.0, 23.6)
    >>> chinese_value("28万4千"), chinese_value("一点五亿"), chinese_value("一万五千亿"), chinese_value("负六点六")
    (284000.0, 150000000.0, 1500000000000.0, -6.6)
    """
    negative = text[:1] == "负"
    value = _value(text[1:] if negative else text)
    return None if value is None else float(-value if negative else value)


def _value(text: str) -> Fraction | None:
    if not text:
        return None
    if "点" in text:
        return _decimal(text)
    if len(text) > 1 and all(c in DIGITS for c in text):
        return Fraction(int("".join(str(DIGITS[c]) for c in text)))
    return _scaled(_TOKEN.findall(text))


def _decimal(text: str) -> Fraction | None:
    """三点六, 一点五亿: a whole number, digits behind 点, and perhaps one scale for both."""
    whole, _, rest = text.partition("点")
    decimals = rest.rstrip("".join(LARGE_SCALES) + "百千")
    base = _value(whole)
    if base is None or not decimals or any(c not in DIGITS for c in decimals):
        return None
    digits = int("".join(str(DIGITS[c]) for c in decimals))
    return (base + Fraction(digits, 10 ** len(decimals))) * scale_value(rest[len(decimals) :])


def _scaled(tokens: list[str]) -> Fraction | None:
    """Value of tokens with scale words: split at the last of the largest scale (一万五千|亿), else a sum below 万."""
    for scale, factor in sorted(LARGE_SCALES.items(), key=lambda s: -s[1]):
        if scale not in tokens:
            continue
        at = len(tokens) - 1 - tokens[::-1].index(scale)
        above = _scaled(tokens[:at]) if at else Fraction(1)
        rest = tokens[at + 1 :]
        if above is None:
            return None
        if len(rest) == 1 and DIGITS.get(rest[0]):
            return above * factor + DIGITS[rest[0]] * factor // 10  # 一万五 is 15000
        below = _scaled(rest) if rest else Fraction(0)
        return None if below is None else above * factor + below
    total = Fraction(0)
    number: Fraction | None = None
    last_scale = 0
    for i, token in enumerate(tokens):
        if token in SMALL_SCALES:
            if last_scale and SMALL_SCALES[token] >= last_scale:
                return None  # 五十千
            total += (number if number else 1) * SMALL_SCALES[token]
            last_scale, number = SMALL_SCALES[token], None
        elif token in DIGITS:
            if number:
                return None  # 二三十 says no number
            number = Fraction(DIGITS[token])
            if last_scale >= 100 and i == len(tokens) - 1 and tokens[i - 1] not in _ZERO:
                number *= last_scale // 10  # 三百二 is 320
        elif token[0].isascii() and token[0].isdigit():
            number = Fraction(token.replace(",", ""))
        else:
            return None
    return total + (number or 0)


_NUMERAL = "零〇一二两三四五六七八九十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟"
FRACTION = re.compile(rf"(?P<below>[{_NUMERAL}0-9]+)分之(?P<above>[{_NUMERAL}点0-9,.]+)")
_PARTS = {"百": "%", "一百": "%", "千": "‰", "一千": "‰", "万": "/万", "一万": "/万"}


def fraction_value(text: str) -> tuple[float, str] | None:
    """百分之X -> (X, %), 千分之X -> (X, ‰), 万分之X -> (X, /万), 四分之一 -> (25, %); None if the text is no fraction."""
    found = FRACTION.fullmatch(text)
    if not found:
        return None
    above = _value(found["above"])
    if above is None:
        return None
    if unit := _PARTS.get(found["below"].translate(_PLAIN)):
        return float(above), unit
    below = _value(found["below"])
    return (float(100 * above / below), "%") if below else None


_PLAIN = str.maketrans("壹佰仟", "一百千")
