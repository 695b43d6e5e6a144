"""Sections: where a file passes from one essay, county or year to another, and what it repeats.

Works on restored text by form alone (numbering, openings, signatures); what a section says is not known here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

from pipelines.documents.model import Section

HEADING_ONE = re.compile(r"^\s*(?:一、|第一部分|第一章)")
HEADING_LATER = re.compile(r"^\s*(?:[二三四五六七八九十]+、|第[二三四五六七八九]部分|[2-9][、.．]\s?[一-鿿])")
HEADING_ABOVE = re.compile(
    r"^\s*(?:[一二三四五六七八九十]+、|[(（][一二三四五六七八九十]+[)）]|第[一二三四五六七八九十]+[章部])"
)
ITEM = re.compile(r"^\s*(?P<number>[1-9][0-9]?)(?P<mark>[.．、)）])")
ITEM_HEADING_LENGTH = 30
NUMBERED = re.compile(
    r"^\s*(?:[一二三四五六七八九十]+(?:、|是|要)|[(（][一二三四五六七八九十0-9]+[)）]|[0-9]+[、.．)）]|其[一二三四五])"
)
OPENING = re.compile(r"(?:汇报|报告|通报|总结|介绍|说明)如下")
GREETING = re.compile(r"^\s*(?:尊敬的)?(?:各位)?(?:领导|代表|同志们|委员|来宾)[^。]{0,20}[:：]\s*$")
_TITLE_LENGTH = 45
_TITLE_END = re.compile(r"(?:总结|汇报|小结|报告|通报|(?P<state>情况))(?:[（(][^（）()]{1,8}[)）])?$")
_TITLE_YEAR = re.compile(r"(?:19|20)[0-9]{2}年|[一二][〇○零九][〇○零一二三四五六七八九]{2}年")
# a named county, township or street; 全县, 各乡镇, 城区 and 贫困县 name none
_TITLE_PLACE = re.compile(r"[^\W0-9全我本各该县区市镇乡辖城老集小山困](?:[县区市镇乡]|街道)(?![级域内委直])")
_GENERIC_PLACE = re.compile(r"[全我本各该][县区市镇乡]|各乡镇")
_NO_TITLE = re.compile(r"[。，,；;：:！!？?]|^(?:附|图|表)")
_OPENS = frozenset("一二三四五六七八九十123456789(（第尊各领代同委来作供报")
"""How lines begin that the patterns above and SIGNATURE know."""
SIGNATURE = re.compile(r"^\s*[(（]?(?:作者系|作者单位|供稿|报送单位)")


def split(
    text: str, furniture: Sequence[tuple[int, int]] = (), place_of: Callable[[str], str | None] | None = None
) -> list[Section]:
    """Sections in order, covering the text; `duplicate_of` names an earlier section with the same sentences.

    A new section starts where top-level numbering begins again after it had gone on (`三、… 一、…`), with the opening
    paragraphs before it that announce a report (`汇报如下`), at a greeting that follows numbered parts, and after a
    line naming the author (`(作者系…)`); also where the numbering of short headings begins again at 1 in another writing
    with no heading of a higher level between (`1.… 2.… 1、…`): one author numbers in one way; and at the title of
    another document of a compilation: a short line after prose and a blank line that holds a place name and ends in
    总结, 汇报, 报告 or the like. `place_of` tells the place a short heading names; where headings name two or more places
    (`一、某某县`), each begins a section of a compilation.
    """
    lines: list[tuple[int, int, str]] = []
    position = 0
    for line in text.splitlines(keepends=True):
        lines.append((position, position + len(line), line))
        position += len(line)
    marked = {a for a, _ in furniture}
    starts = [0]
    seen_later = seen_prose = False
    reached, mark = 0, ""
    for i, (start, _, line) in enumerate(lines):
        bare = line.strip()
        if start in marked or not bare:
            continue
        known = bare[0] in _OPENS
        if known and HEADING_ABOVE.match(line):
            reached = 0
        elif known and (item := ITEM.match(line)):
            again = int(item["number"]) == 1 and reached > 1 and item["mark"] != mark
            if again and len(bare) <= ITEM_HEADING_LENGTH:
                starts.append(start)
                seen_later = False
            reached, mark = int(item["number"]), item["mark"]
        if known and HEADING_LATER.match(line):
            seen_later = True
        elif seen_later and known and HEADING_ONE.match(line):
            first = _opening(lines, i, starts[-1])
            if first > starts[-1]:
                starts.append(first)
            seen_later = False
        elif seen_later and known and GREETING.match(line) and start > starts[-1]:
            starts.append(start)
            seen_later = False
        elif known and SIGNATURE.match(line) and i + 1 < len(lines) and any(s.strip() for _, _, s in lines[i + 1 :]):
            starts.append(lines[i + 1][0])
            seen_later = False
        elif seen_prose and i and not lines[i - 1][2].strip() and _is_title(bare):
            starts.append(start)
            seen_later = seen_prose = False
            reached = 0
        seen_prose = seen_prose or "。" in line
    if place_of is not None:
        headed = [
            (start, place)
            for start, _, line in lines
            if start not in marked
            and 2 < len(line.strip()) <= 30
            and not re.search(r"[。，,；;]", line)
            and (place := place_of(line.strip()))
        ]
        if len({place for _, place in headed}) >= 2:
            starts += [start for n, (start, place) in enumerate(headed) if n == 0 or headed[n - 1][1] != place]
    starts = sorted(set(starts))
    if len(starts) == 1:
        return [Section(0, 0, len(text))]
    line_starts = [a for a, _, _ in lines]
    sections: list[Section] = []
    paragraphs: dict[str, int] = {}
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(text)
        total = repeated = 0
        votes: dict[int, int] = {}
        first, last = bisect_left(line_starts, start), bisect_left(line_starts, end)
        for a, _b, line in lines[first:last]:
            if a in marked or len(line.strip()) < 20:
                continue
            bare = "".join(line.split())
            total += len(bare)
            if bare in paragraphs:
                repeated += len(bare)
                votes[paragraphs[bare]] = votes.get(paragraphs[bare], 0) + len(bare)
            else:
                paragraphs[bare] = number
        duplicate = None
        if total and repeated >= 0.8 * total:
            earlier = [(n, section) for section, n in votes.items() if section != number]
            duplicate = max(earlier)[1] if earlier else None
        sections.append(Section(number, start, end, duplicate))
    return sections


def _is_title(line: str) -> bool:
    """Whether a line is the title of a document about a named place: `元谋县羊街镇2013年上半年教育工作汇报`."""
    if not 6 <= len(line) <= _TITLE_LENGTH or not (end := _TITLE_END.search(line)):
        return False
    if _NO_TITLE.search(line) or NUMBERED.match(line) or _GENERIC_PLACE.search(line) or not _TITLE_PLACE.search(line):
        return False
    return end["state"] is None or _TITLE_YEAR.search(line) is not None


def duplicated_spans(text: str) -> list[tuple[int, int]]:
    """Spans of paragraphs of 40 or more characters that repeat an earlier paragraph of the same file."""
    seen: set[str] = set()
    spans: list[tuple[int, int]] = []
    position = 0
    for line in text.splitlines(keepends=True):
        if len(line) >= 40 and len(bare := "".join(line.split())) >= 40:
            if bare in seen:
                spans.append((position, position + len(line)))
            seen.add(bare)
        position += len(line)
    return spans


def _opening(lines: list[tuple[int, int, str]], i: int, floor: int) -> int:
    """First line of the section whose `一、` is line i: the announcing paragraphs right before it belong to it."""
    j = i
    for k in range(i - 1, max(i - 4, -1), -1):
        if lines[k][0] <= floor:
            break
        if OPENING.search(lines[k][2]):
            j = k
            for m in range(k - 1, max(k - 3, -1), -1):
                if lines[m][0] <= floor or NUMBERED.match(lines[m][2]) or not lines[m][2].strip():
                    break
                j = m
            break
        if NUMBERED.match(lines[k][2]):
            break
    return lines[j][0]
