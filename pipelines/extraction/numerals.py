"""Values of written numbers: Arabic digits with scale words, Chinese numerals, fractions.

Only the number itself; units, modifiers and meaning belong to `mentions`.
"""

from __future__ import annotations

import re

DIGITS = (
    {c: i for i, c in enumerate("零一二三四五六七八九")}
    | {"〇": 0, "○": 0, "两": 2, "壹": 1, "贰": 2, "叁": 3, "肆": 4}
    | {"伍": 5, "陆": 6, "柒": 7, "捌": 8, "玖": 9, "俩": 2, "仨": 3}
)
SMALL_SCALES = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
LARGE_SCALES = {"万": 10**4, "亿": 10**8, "兆": 10**12}
ARABIC = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?"
SCALE = r"(?:十|百|千|万亿|千万|百万|十万|万|亿)"


def scale_value(words: str) -> int:
    """Product of scale words: 万 -> 10000, 千万 -> 10**7, 万亿 -> 10**12; no word -> 1."""
    product = 1
    for word in words:
        product *= SMALL_SCALES.get(word) or LARGE_SCALES[word]
    return product


def arabic_value(digits: str, scale: str = "") -> float:
    """Value of Arabic digits with an optional scale word: ("7.1", "亿") -> 7.1e8, exact to the written digits."""
    text = digits.replace(",", "")
    factor = scale_value(scale)
    whole, _, decimals = text.partition(".")
    number = int(whole + decimals) * factor / 10 ** len(decimals)
    return float(number)


def chinese_value(text: str) -> float | None:
    """Value of a Chinese numeral (三百二十, 二〇一二, 两千, 一千零五, 三点六, 百, 上亿's 亿), None if it is none.

    >>> chinese_value("三百二十"), chinese_value("二〇一二"), chinese_value("十五"), chinese_value("二十三点六")
    (320.0, 2012.0, 15.0, 23.6)
    """
    if not text:
        return None
    if "点" in text:
        whole, _, decimals = text.partition("点")
        base = chinese_value(whole)
        if base is None or not decimals or any(c not in DIGITS for c in decimals):
            return None
        return float(f"{int(base)}." + "".join(str(DIGITS[c]) for c in decimals))
    if len(text) > 1 and all(c in DIGITS for c in text):
        return float("".join(str(DIGITS[c]) for c in text))
    total = section = digit = 0
    last_scale = 0
    seen_digit = False
    for c in text:
        if c in DIGITS:
            digit = DIGITS[c]
            seen_digit = True
        elif c in SMALL_SCALES:
            section += (digit if seen_digit and digit else 1) * SMALL_SCALES[c]
            last_scale, digit, seen_digit = SMALL_SCALES[c], 0, False
        elif c in LARGE_SCALES:
            section += digit
            total = (
                (total + (section or 1)) * LARGE_SCALES[c] if c == "亿" else total + (section or 1) * LARGE_SCALES[c]
            )
            last_scale, section, digit, seen_digit = LARGE_SCALES[c], 0, 0, False
        else:
            return None
    if digit and last_scale >= 100 and len(text) >= 2 and text[-2] not in "零〇":
        digit *= last_scale // 10  # 三百二 is 320, 一万五 is 15000
    return float(total + section + digit)


FRACTION = re.compile(r"([百千万]|[一二三四五六七八九十0-9]+)分之([一二三四五六七八九十百千零点两0-9.]+)")


def fraction_value(text: str) -> tuple[float, str] | None:
    """百分之X -> (X, %), 千分之X -> (X, ‰), 四分之一 -> (25, %); None if the text is no fraction."""
    found = FRACTION.fullmatch(text)
    if not found:
        return None
    below, above = found.groups()
    numerator = float(above) if re.fullmatch(r"[0-9.]+", above) else chinese_value(above)
    if numerator is None:
        return None
    if below == "百":
        return numerator, "%"
    if below == "千":
        return numerator, "‰"
    if below == "万":
        return numerator, "/万"
    denominator = float(below) if below.isascii() else chinese_value(below)
    return (100 * numerator / denominator, "%") if denominator else None
