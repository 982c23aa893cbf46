"""Names of firms, taken apart: place, core (字号 and trade), legal form, and which branch or shop it is.

上海市示例食品有限公司, 示例食品（上海）股份有限公司 and 上海示例食品集团 have the core 示例食品 and the place 上海.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from crmcore.builtin.duplicates.places import CITY, split_place
from crmcore.builtin.search.folding import EDGE, fold, fold_lines

_TEXT_FORMS = """
有限责任公司 股份有限公司 有限公司 股份公司 集团公司 总公司 公司 集团 控股 股份 普通合伙 有限合伙 合伙企业 特殊普通合伙
个人独资企业 个体工商户 个体户 独资 合资 外资 厂家
"""
_FORMS = tuple(_TEXT_FORMS.split())
_TEXT_LATIN_FORMS = """
co ltd limited company inc incorporated corp corporation llc llp lp plc gmbh ag sa bv pte pty kg holdings holding group
"""
_LATIN_FORMS = tuple(_TEXT_LATIN_FORMS.split())
_FORM_END = re.compile(rf"(?:{'|'.join(sorted(_FORMS, key=len, reverse=True))})$")
_BRACKETS = re.compile(r"\(([^()]*)\)")
_NUMERAL = "0-9一二三四五六七八九十百两"
_UNITS = "分公司|办事处|分厂|分校|分院|分部|营业部|专卖店|旗舰店|加盟店|分店|门店"
_UNIT_ENDS = tuple(word + end for word in (*_UNITS.split("|"), "店") for end in ("", ")"))
_BEHIND_FORM = re.compile(r"^(.*?(?:有限责任公司|有限公司|股份公司|集团))(?!有限|公司|股份|控股)(.+)$")
_UNIT = re.compile(
    rf"(?:(?:{CITY}|第?[{_NUMERAL}]{{1,3}})?(?:{_UNITS})|第?[{_NUMERAL}]{{1,3}}号?店|\([^()]{{1,12}}(?:店|{_UNITS})\))$"
)
_ORDINAL = re.compile(
    rf"第[{_NUMERAL}]{{1,4}}|[0-9]{{1,4}}号?|[一二三四五六七八九十]{{1,3}}(?=[厂队院校中小分])|[东西南北]区"
)
_LATIN = re.compile(r"[a-z0-9]+")
_TEXT_TRADES = """
食品 贸易 商贸 科技 实业 建材 五金 电器 服装 文具 化工 机械 医药 饮料 包装 电子 物流 装饰 塑料 纺织 百货 超市 便利店 商行 经营部
批发部 商店 工贸 经贸 进出口 投资 发展 技术 设备 工程 建筑 房地产 置业 物业 餐饮 酒店 旅游 文化 传媒 广告 教育 咨询 服务 农业
粮油 水产 果业 茶业 酒业 制药 医疗 医疗器械 生物 环保 能源 电力 电气 自动化 信息 网络 软件 通信 汽车 汽配 运输 仓储 印刷 纸业
家具 家居 陶瓷 玻璃 钢铁 金属 铝业 矿业 化妆品 日用品 玩具 鞋业 皮具 首饰 珠宝 体育 用品 制品 制造 材料 新材料 供应链 电子商务
食品贸易 食品科技 生物科技 信息技术 网络科技 建筑工程 装饰工程 机械设备 医药科技
"""
TRADES = frozenset(_TEXT_TRADES.split())
"""How trades are named behind a firm's 字号."""
_LEAST_CORE = 2
_NOTE = re.compile(r"^(?:新|老|旧|原|停用|作废|重复|勿用|new|old)$")


class Name(NamedTuple):
    """A name as it is compared."""

    whole: str
    """All letters and digits, folded."""
    core: str
    """Without place, legal form, branch and notes."""
    place: str
    """The city that it names, or the province; empty if none."""
    unit: str
    """Which branch or shop it is; empty for the firm itself."""
    numbers: tuple[str, ...]
    """Numbers that tell it from its neighbours: 第一, 第二."""
    words: tuple[str, ...]
    """Of a name in Latin letters its words without the legal form; else nothing."""


def read_name(text: str) -> Name:
    """Take a firm's name apart."""
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    plain = plain.replace("【", "(").replace("】", ")")
    whole = fold(plain)
    if not whole or whole.isascii():
        words = tuple(_without_latin_forms(_LATIN.findall(plain)))
        return Name(whole, "".join(words) or whole, "", "", (), words)
    plain, unit = _split_unit(whole if "(" not in plain else _simplified(plain))
    plain, place = _split_brackets(plain) if "(" in plain else (plain, "")
    first, rest = split_place(plain)
    core = _without_forms(rest)
    if len(core) < _LEAST_CORE or core in TRADES:  # 上海公司; 金华电器 may be called 金华
        first, core = "", _without_forms(plain) or whole
    return Name(whole, core, first or place, unit, tuple(_ORDINAL.findall(core)), ())


def _simplified(text: str) -> str:
    """Return a text folded, its brackets kept."""
    kept = text.replace("\n", "").replace(EDGE, "").replace("(", "\n").replace(")", EDGE)
    return fold_lines(kept).replace("\n", "(").replace(EDGE, ")")


def _split_unit(plain: str) -> tuple[str, str]:
    """Cut off which branch or shop it is: a numbered or named shop, or what stands behind the firm's legal form."""
    if not plain.endswith(_UNIT_ENDS):
        return plain, ""
    behind = _BEHIND_FORM.match(plain)
    if behind and re.search(rf"(?:{_UNITS}|店)\)?$", behind[2]):
        return behind[1], fold(behind[2])
    found = _UNIT.search(plain)
    if found is None or found.start() == 0:
        return plain, ""
    return plain[: found.start()], fold(found[0])


def _split_brackets(plain: str) -> tuple[str, str]:
    """Take brackets out: a place in them is one, a note or a form says nothing, anything else belongs to the name."""
    place = ""

    def taken(found: re.Match[str]) -> str:
        nonlocal place
        inside = fold(found[1])
        city, rest = split_place(inside)
        if city and rest in {"", "市", "省"}:
            place = place or city
            return ""
        return "" if not _without_forms(inside) or _NOTE.match(inside) else inside

    return fold(_BRACKETS.sub(taken, plain)), place


def _without_forms(text: str) -> str:
    """Cut legal forms off the end until there is none: 集团有限公司 goes in two steps."""
    while text.endswith(_FORMS):
        text = _FORM_END.sub("", text)
    return text


def _without_latin_forms(words: list[str]) -> list[str]:
    while len(words) > 1 and words[-1] in _LATIN_FORMS:
        words = words[:-1]
    return words
