"""Reads texts with one published tool and prints what it finds; run by `extraction_peers.py` in the tools' environment.

usage: python peer_worker.py TOOL < texts.json   (JSON of {name: text})

Prints one JSON object: version, licence, CPU seconds for all texts after a warm-up, and one record per number with `doc`,
`start`, `end`, `value`, `unit` (simplified Chinese, None where the tool knows none) and `approx`. Every tool is given one
sentence at a time, as such tools expect, and its answer is translated as kindly as it allows. Nothing of the project is
imported here: the tools' environment does not have it.
"""

from __future__ import annotations

import json
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import metadata
from typing import Any

Found = Iterator[tuple[int, int, float, str | None, str]]
"""Start, end, value, unit, approximation of one number of a sentence."""

WARM_UP = "全县人口94.9万人，投入13余万元，增长36.17%。"
UNITS = {"Chinese yuan": "元", "Mu": "亩", "Square kilometer": "平方公里", "Square meter": "平方米", "Kilometer": "公里"} | {
    "Meter": "米", "Kilogram": "公斤", "Ton": "吨", "Year": "岁", "平方千米": "平方公里", "千米": "公里", "千克": "公斤",
    "United States dollar": "美元", "percentage": "%", "per mille": "‰", "人民币": "元", "CNY": "元",
}  # fmt: skip


def recognizers() -> Callable[[str], Found]:
    """Recognizers-Text: measures first, then the plain numbers no measure covers."""
    from recognizers_number import Culture, recognize_number, recognize_percentage
    from recognizers_number_with_unit import recognize_age, recognize_currency, recognize_dimension

    models = (recognize_percentage, recognize_currency, recognize_dimension, recognize_age, recognize_number)

    def read(sentence: str) -> Found:
        taken: list[tuple[int, int]] = []
        for model in models:
            for hit in model(sentence, Culture.Chinese):
                value = str((hit.resolution or {}).get("value") or "")
                if not re.fullmatch(r"-?[0-9.eE+-]+%?", value) or any(a <= hit.end and hit.start < b for a, b in taken):
                    continue
                taken.append((hit.start, hit.end + 1))
                unit = "%" if value.endswith("%") else hit.resolution.get("unit")
                yield hit.start, hit.end + 1, float(value.rstrip("%")), UNITS.get(unit, unit), "exact"

    return read


def duckling() -> Callable[[str], Found]:
    """The Chinese fork of Duckling: fractions are shares, so they count in percent."""
    from duckling_chinese import Duckling, DucklingDimension

    tool = Duckling()
    kinds = ("NUMERAL", "CURRENCY", "QUANTITY", "AREA", "DISTANCE", "FRACTION", "AGE", "MULTIPLE")
    options = tool.gen_options(targets={getattr(DucklingDimension, kind) for kind in kinds})
    context = tool.gen_context()

    def read(sentence: str) -> Found:
        for hit in tool.parse_entities(sentence, context, options):
            value = hit["value"]
            number = value.get("v", value.get("n"))
            if not isinstance(number, int | float):
                continue
            unit = value.get("unit")
            if hit["dim"] == "Fraction":
                mille = value.get("denominator") == 1000
                number, unit = value.get("numerator", number), "‰" if mille else "%"
            elif hit["dim"] == "Age":
                unit = "岁"
            yield hit["start"], hit["end"], float(number), UNITS.get(unit, unit), "exact"

    return read


def jionlp() -> Callable[[str], Found]:
    """jionlp: amounts of money, with an interval where the wording is vague."""
    import jionlp as tool

    def read(sentence: str) -> Found:
        for hit in tool.ner.extract_money(sentence, with_parsing=True):
            detail = hit.get("detail") or {}
            number = detail.get("num")
            approx = {"blur": "about", "blur-min": "at_least", "blur-max": "at_most"}.get(
                detail.get("definition"), "exact"
            )
            if isinstance(number, list):
                approx = "at_least" if re.search("[余多]", hit["text"]) else approx
                number = number[0]
            if number is not None:
                unit = UNITS.get(detail.get("case"), detail.get("case"))
                yield *hit["offset"], float(number), unit, approx

    return read


def quantulum() -> Callable[[str], Found]:
    """quantulum3: Arabic numbers with symbols; it knows no Chinese."""
    from quantulum3 import parser

    def read(sentence: str) -> Found:
        for hit in parser.parse(sentence):
            name = None if hit.unit.name == "dimensionless" else hit.unit.name
            yield *hit.span, float(hit.value), UNITS.get(name, name), "exact"

    return read


def chinese2digits() -> Callable[[str], Found]:
    """chinese2digits: values of numerals, shares as fractions of one."""
    from chinese2digits import takeNumberFromString

    def read(sentence: str) -> Found:
        answer = takeNumberFromString(sentence)
        position = 0
        for written, digits in zip(answer["CHNumberStringList"], answer["digitsStringList"], strict=True):
            at = sentence.find(written, position)
            if at < 0:
                continue
            position = at + len(written)
            mille = "‰" in written or written.startswith("千分之")
            share = mille or "%" in written or "分之" in written
            value = float(digits) * (1000 if mille else 100 if share else 1)
            yield at, position, round(value, 9), "‰" if mille else "%" if share else None, "exact"

    return read


def cn2an() -> Callable[[str], Found]:
    """cn2an: a converter, here of every run of numeral characters."""
    from cn2an import cn2an as convert

    numeral = re.compile(r"[0-9零〇一二两三四五六七八九十百千万亿点.]*[0-9零〇一二两三四五六七八九十百千万亿]")

    def read(sentence: str) -> Found:
        for hit in numeral.finditer(sentence):
            try:
                yield hit.start(), hit.end(), float(convert(hit.group(), "smart")), None, "exact"
            except ValueError:
                continue

    return read


TOOLS: dict[str, tuple[str, Callable[[], Callable[[str], Found]]]] = {
    "recognizers": ("recognizers-text-suite", recognizers),
    "duckling": ("duckling-chinese", duckling),
    "jionlp": ("jionlp", jionlp),
    "quantulum": ("quantulum3", quantulum),
    "chinese2digits": ("chinese2digits", chinese2digits),
    "cn2an": ("cn2an", cn2an),
}


def _licence(package: str) -> str:
    about = metadata(package)
    named = [c.rpartition(":: ")[2] for c in about.get_all("Classifier") or [] if c.startswith("License")]
    return str(about.get("License-Expression") or (named[0] if named else about.get("License") or "not stated"))


def main() -> None:
    """Read the texts of standard input and print the answer as JSON."""
    warnings.simplefilter("ignore")
    package, make = TOOLS[sys.argv[1]]
    texts: dict[str, str] = json.load(sys.stdin)
    read = make()
    for _ in range(3):
        list(read(WARM_UP))
    records: list[dict[str, Any]] = []
    begin = time.process_time()
    for doc, text in texts.items():
        for sentence in re.finditer(r"[^。；;！\n]+", text):
            for start, end, value, unit, approx in read(sentence.group()):
                shift = sentence.start()
                place = {"doc": doc, "start": start + shift, "end": end + shift}
                records.append(place | {"value": value, "unit": unit, "approx": approx, "class": "indicator"})
    spent = time.process_time() - begin
    answer = {"version": metadata(package)["Version"], "licence": _licence(package), "seconds": spent}
    print("\n" + json.dumps(answer | {"records": records}, ensure_ascii=False))


if __name__ == "__main__":
    main()
