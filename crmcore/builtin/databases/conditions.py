"""Conditions and defaults of drawn tables: those are taken along that say the same on either kind of database.

A condition is that of a table or of an index. They are read word by word: columns of the table, literals, comparisons,
AND, OR, NOT, IN, BETWEEN, NULL. Nothing that is called, so that a text from a file of others cannot do anything; what is
not understood is left out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|'')*')|(?P<number>[0-9]{1,18}(?:\.[0-9]{1,18})?)|\"(?P<quoted>[a-z_][a-z0-9_]*)\""
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign><>|!=|<=|>=|==|--|<<|>>|[-=<>+*(),]))"
)
_SERVER_LIST = (
    (re.compile(r"= ANY \( ?\( ?ARRAY\[([^\[\]]*)\] ?\) ?\)"), r"IN (\1)"),
    (re.compile(r"= ANY \( ?ARRAY\[([^\[\]]*)\] ?\)"), r"IN (\1)"),
    (re.compile(r"<> ALL \( ?\( ?ARRAY\[([^\[\]]*)\] ?\) ?\)"), r"NOT IN (\1)"),
    (re.compile(r"<> ALL \( ?ARRAY\[([^\[\]]*)\] ?\)"), r"NOT IN (\1)"),
)
"""How PostgreSQL writes a list of values."""
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_CASTS = re.compile(
    r"::(?:character varying|text|integer|bigint|smallint|numeric|date|double precision|jsonb?)(?:\([0-9, ]+\))?(?:\[\])?"
)
_WORDS = frozenset({"and", "or", "not", "in", "is", "null", "between"})
_UNREAD = frozenset({"--", "<<", ">>"})
"""Signs that are not two of the others side by side: a comment, shifted bits."""
_LONGEST = 2_000
_TRUE, _FALSE = {"true", "1", "'1'", "'t'", "'true'"}, {"false", "0", "'0'", "'f'", "'false'"}
COMPARED = frozenset({"integer", "text", "decimal", "number", "date"})
"""Kinds of columns whose values compare alike on both."""


class _Token(NamedTuple):
    kind: str
    text: str


def condition(text: str, kinds: dict[str, str]) -> str | None:
    """Return a condition as both kinds of database read it, or None; `kinds`: column → kind of its values."""
    tokens = _tokens(text)
    if tokens is None:
        return None
    written: list[str] = []
    for place, (kind, word) in enumerate(tokens):
        if kind in {"word", "quoted"}:
            name = word.lower() if kind == "word" else word
            is_key = kind == "word" and name in _WORDS
            called = place + 1 < len(tokens) and tokens[place + 1].text == "("
            if not is_key and (kinds.get(name) not in COMPARED or called):
                return None
            written.append(name.upper() if is_key else f'"{name}"')
        else:
            written.append(word)
    return " ".join(written) or None


def default(text: str, kind: str, dialect: str) -> str | None:
    """Return a default as a kind of database takes it for a kind of column, or None."""
    tokens = _tokens(text)
    plain = [token for token in tokens or () if token.text not in {"(", ")"}]
    if kind == "boolean" and len(plain) == 1:
        word = plain[0].text.lower()
        if word in _TRUE | _FALSE:
            yes = word in _TRUE
            return ("1" if yes else "0") if dialect == "sqlite" else ("true" if yes else "false")
        return None
    signed = len(plain) == 2 and plain[0].text == "-" and plain[1].kind == "number"  # noqa: PLR2004  (sign, number)
    if kind in COMPARED | {"json"} and (signed or [token.kind for token in plain] in (["text"], ["number"])):
        return "".join(token.text for token in plain)
    return None


def _tokens(text: str) -> list[_Token] | None:
    """Return the words of a text; None where it holds any other."""
    if len(text) > _LONGEST or any("::" in told or "ARRAY" in told for told in _LITERAL.findall(text)):
        return None  # too long, or with values in which the words below are none of the server's
    text = _CASTS.sub("", text)
    for pattern, instead in _SERVER_LIST:
        text = pattern.sub(instead, text)
    found: list[_Token] = []
    place, text = 0, text.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match["sign"] in _UNREAD:
            return None
        kind = str(match.lastgroup)
        found.append(_Token(kind, "=" if match["sign"] == "==" else match[kind]))
        place = match.end()
    return found
