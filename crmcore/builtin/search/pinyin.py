"""Pinyin of names, without tones: initials, syllables, and how a name may be read in more than one way.

The usual reading of a character comes from pypinyin's table, which is read as a file: importing the package costs a
third of a second. Which characters of names are read otherwise, too, stands here; a name is found by each reading.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from crmcore.builtin.search.folding import EDGE

MARK = "0"
"""Ends a syllable in the index: a syllable is no pair of letters."""
_MOST_CUTS = 8

_ALSO = """
单shan,chan 干qian 曾zeng 仇qiu 尉yu 万mo 查zha 解xie 朴piao 区ou 翟zhai 盖ge 覃qin 乐yue,le,lao 长zhang,chang 重chong,zhong
行hang,xing 都dou,du 车ju 朝chao,zhao 传zhuan 弹tan 调tiao,diao 藏zang,cang 柏bai,bo 秘bi 种chong 员yun 召shao
黑he 洗xian 缪miao,mou 宓fu,mi 祭zhai 隗kui,wei 郗chi,xi 牟mu,mou 阚kan 澹tan,dan 那na,nuo 折she 适kuo 能nai
佴nai 晟cheng,sheng 厦xia,sha 埔pu,bu 堡bao,pu 涡guo 六lu 蚌beng,bang 番pan,fan 泊po,bo 铅yan,qian 氏zhi,shi
枝qi,zhi 茜qian,xi 佛fo,fu 角jue,jiao 贾jia,gu 降xiang,jiang 校jiao,xiao 将jiang,qiang 强qiang,jiang
省xing,sheng 盛cheng,sheng 乘sheng,cheng 仔zi,zai 壳ke,qiao 蔓man,wan 薄bo,bao 颤chan,zhan 臭chou,xiu
畜chu,xu 露lu,lou 率lv,shuai 绿lv,lu 模mo,mu 宿su,xiu 稽ji,qi 杉shan,sha 术shu,zhu 宛wan,yuan 吓he,xia
纤xian,qian 巷xiang,hang 削xiao,xue 艾ai,yi 扎za,zha 择ze,zhai 粘zhan,nian 爪zhua,zhao 幢chuang,zhuang
琢zhuo,zuo 拓tuo,ta 汤tang,shang 殷yin,yan 尺chi,che 刹cha,sha 禅chan,shan
会kuai 参shen,cen 蛤ge 提di 茄qie,jia 泌bi 枞zong 蔚yu 阿e
"""
"""Readings beside pypinyin's first one: surnames, places, and words that firms are called by."""

_FINALS = """
:a ai an ang ao e ei en eng er o ou
b:a ai an ang ao ei en eng i ian iao ie in ing o u
c:a ai an ang ao e en eng i ong ou u uan ui un uo
ch:a ai an ang ao e en eng i ong ou u ua uai uan uang ui un uo
d:a ai an ang ao e ei en eng i ia ian iao ie ing iu ong ou u uan ui un uo
f:a an ang ei en eng iao o ou u
g:a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo
h:a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo
j:i ia ian iang iao ie in ing iong iu u uan ue un
k:a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo
l:a ai an ang ao e ei eng i ia ian iang iao ie in ing iu o ong ou u uan ue un uo v ve
m:a ai an ang ao e ei en eng i ian iao ie in ing iu o ou u
n:a ai an ang ao e ei en eng i ian iang iao ie in ing iu ong ou u uan ue uo v ve
p:a ai an ang ao ei en eng i ian iao ie in ing o ou u
q:i ia ian iang iao ie in ing iong iu u uan ue un
r:an ang ao e en eng i ong ou u ua uan ui un uo
s:a ai an ang ao e en eng i ong ou u uan ui un uo
sh:a ai an ang ao e ei en eng i ou u ua uai uan uang ui un uo
t:a ai an ang ao e eng i ian iao ie ing ong ou u uan ui un uo
w:a ai an ang ei en eng o u
x:i ia ian iang iao ie in ing iong iu u uan ue un
y:a an ang ao e i in ing o ong ou u uan ue un
z:a ai an ang ao e ei en eng i ong ou u uan ui un uo
zh:a ai an ang ao e ei en eng i ong ou u ua uai uan uang ui un uo
"""


@cache
def _file() -> Path | None:
    spec = find_spec("pypinyin")
    places = spec.submodule_search_locations if spec else None
    path = Path(next(iter(places))) / "pinyin_dict.json" if places else None
    return path if path is not None and path.exists() else None


def has_pinyin() -> bool:
    """Tell whether readings are known (`crmcore[search]`)."""
    return _file() is not None


@cache
def _first_readings() -> dict[str, str]:
    path = _file()
    return {} if path is None else json.loads(path.read_text(encoding="utf-8"))


@cache
def further_readings() -> dict[str, tuple[str, ...]]:
    """Return character → readings that count besides the first."""
    entries = (entry for entry in _ALSO.split() if has_pinyin())
    return {entry[0]: tuple(entry[1:].split(",")) for entry in entries}


@cache
def several() -> re.Pattern[str]:
    """Return a pattern for the characters that are read in more than one way."""
    return re.compile(f"[{''.join(further_readings())}]" if further_readings() else "(?!)")


def _toneless(marked: str) -> str:
    plain = unicodedata.normalize("NFD", marked.replace("ü", "v")).replace("u\u0308", "v")
    return "".join(letter for letter in plain if "a" <= letter <= "z")


@cache
def reading(character: str) -> str:
    """Return the first reading of a character; an empty text if it has none."""
    return _toneless(_marked(character))


def _marked(character: str) -> str:
    text = _first_readings().get(str(ord(character)), "").split(",")[0]
    return re.sub("[ǖǘǚǜü]", "v", text)


@cache
def readings(character: str) -> tuple[str, ...]:
    """Return all readings that count; a letter or digit is read as itself. `lü` may be typed `lv` or `lu`."""
    first = reading(character)
    if not first:
        return (character,)
    found = (first, *further_readings().get(character, ()))
    return tuple(dict.fromkeys((*found, *(r.replace("v", "u") for r in found if "v" in r))))


@cache
def initials_of(character: str) -> str:
    """Return the letters that a character may begin with."""
    return "".join(dict.fromkeys(r[0] for r in readings(character)))


class _Initials(dict[int, str | int]):
    """Character → its first letter, for `str.translate`."""

    def __missing__(self, number: int) -> str | int:
        found = self[number] = reading(chr(number))[:1] or number
        return found


class _Syllables(dict[int, str | int]):
    """Character → its syllable as a word of the index, for `str.translate`."""

    def __missing__(self, number: int) -> str | int:
        syllable = reading(chr(number))
        found = self[number] = f" {syllable}{MARK}" if syllable else " " if number == ord(EDGE) else number
        return found


@cache
def initials_table() -> _Initials:
    """Return the table of first letters, one for the process."""
    return _Initials()


@cache
def syllables_table() -> _Syllables:
    """Return the table of syllables, one for the process."""
    return _Syllables()


@cache
def syllables() -> frozenset[str]:
    """Return the syllables that there are."""
    lines = (line.split(":") for line in _FINALS.split("\n") if line)
    return frozenset(begin + end for begin, ends in lines for end in ends.split())


@cache
def _beginnings() -> frozenset[str]:
    return frozenset(s[:length] for s in syllables() for length in range(1, len(s)))


def may_go_on(letters: str) -> bool:
    """Tell whether there is a longer syllable that begins with these letters."""
    return letters in _beginnings()


def cuts(letters: str) -> list[list[str]]:
    """Cut typed letters into syllables, in at most eight ways; the last one may be half typed."""
    found: list[list[str]] = []
    hopeless: set[int] = set()
    for cut in _cut(letters, 0, hopeless):
        found.append(cut)
        if len(found) == _MOST_CUTS:
            break
    return found


def _cut(letters: str, start: int, hopeless: set[int]) -> Iterator[list[str]]:
    rest = letters[start:]
    if not rest:
        yield []
        return
    if start in hopeless:
        return
    any_way = False
    for length in range(min(6, len(rest)), 0, -1):
        if rest[:length] in syllables():
            for more in _cut(letters, start + length, hopeless):
                any_way = True
                yield [rest[:length], *more]
    if rest in _beginnings() and rest not in syllables():
        any_way = True
        yield [rest]
    if not any_way:
        hopeless.add(start)
