"""What a statement would write: SQL is read word by word, comments and quoted texts left out.

Whoever writes a statement by hand may hide its verb in a comment, a CTE or behind a semicolon; what cannot be
read for certain counts as a write.
"""

from __future__ import annotations

import re
from functools import lru_cache

from crmcore.db.system import OPERATIONAL

_COMMENTS = r"--[^\n]*|/\*(?:[^*/]|\*(?!/)|/(?!\*))*\*/"
_SQLITE_QUOTES = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]"""
_POSTGRES_QUOTES = (
    r"""\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*\""""
    r"""|(?<![\w$])\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$"""
)
_SKIPPED = {
    "sqlite": re.compile(f"{_COMMENTS}|{_SQLITE_QUOTES}", re.DOTALL),
    "postgresql": re.compile(f"{_COMMENTS}|{_POSTGRES_QUOTES}", re.DOTALL),
}
_UNREADABLE = re.compile(r"""['"`]|/\*|\*/|--|;\s*\S""")
_LOCK = re.compile(r"\bfor\s+(?:no\s+key\s+)?update\b")
_VERB = re.compile(r"(?<![\w.$])(?:insert|update|delete|merge|into|create|execute|replace(?!\s*\())(?![\w$])")
_TARGET = re.compile(r'\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+"?(\w+)"?(?![\w"]|\s*\.)', re.IGNORECASE)
_READING = frozenset({"select", "with", "values", "explain", "show", "table"})
_HARMLESS = re.compile(
    r"savepoint\s|release\s|rollback\s+(?:transaction\s+)?to\s"
    r"|pragma\s+(?:main\.|temp\.)?(?:table_info|table_xinfo|table_list|foreign_key_list|foreign_key_check|index_list"
    r"|index_info|index_xinfo|database_list|quick_check|integrity_check|page_count|freelist_count)\b(?!\s*=)"
    r"|set\s+local\s+(?:plan_cache_mode|jit|work_mem|statement_timeout|lock_timeout|enable_\w+)\b"
)
_LONGEST_REMEMBERED = 20_000


def written(statement: str, dialect: str) -> str | None:
    """Return the table that a statement writes round the gate, or its verb; None if it may pass."""
    if len(statement) > _LONGEST_REMEMBERED:
        return _written(statement, dialect)
    return _remembered(statement, dialect)


def _written(statement: str, dialect: str) -> str | None:
    bare = _SKIPPED[dialect].sub(lambda found: " " if found[0][0] in "-/" else " quoted ", statement)
    words = bare.lower().split()
    verb = words[0].strip(";") if words else ""
    if _UNREADABLE.search(bare):
        return verb or "?"
    text = " ".join(words)
    if verb in _READING:
        found = _VERB.search(_LOCK.sub(" ", text))
        return found[0] if found else None
    if _HARMLESS.match(text + " "):
        return None
    plain = _SKIPPED[dialect].sub(lambda found: " " if found[0][0] in "-/" else found[0], statement)
    target = _TARGET.match(plain)
    if target is None:
        return verb or "?"
    return None if target[1].lower() in OPERATIONAL else target[1]


_remembered = lru_cache(maxsize=1000)(_written)
