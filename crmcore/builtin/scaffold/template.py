"""Text with gaps: what the files of a new plugin are made from.

`@word@` is replaced by its value. A line that begins with `%` is a directive:

* `%if hook or not entity` … `%else` … `%end`: lines for some plugins only; words are parts or traits of the plugin.
* `%import crmcore.api: Context, Report if report`: an import statement of the names that are wanted, if any.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_GAP = re.compile(r"@([a-z_]+)@")
_WIDTH = 110


def render(text: str, words: Mapping[str, str], traits: Collection[str]) -> str:
    """Fill in a template; KeyError for a word that has no value."""
    filled = _GAP.sub(lambda gap: words[gap[1]], text)
    return "".join(f"{line}\n" for line in _chosen(filled.splitlines(), traits))


def holds(condition: str, traits: Collection[str]) -> bool:
    """Say whether a condition such as `hook or report and not entity` holds; `and` binds closer than `or`."""
    return any(
        all((term.removeprefix("not ") in traits) != term.startswith("not ") for term in each.split(" and "))
        for each in condition.split(" or ")
    )


def _chosen(lines: list[str], traits: Collection[str]) -> Iterator[str]:
    """Yield the lines that these traits want, directives carried out."""
    open_blocks: list[bool] = []
    for line in lines:
        directive, _space, rest = line.partition(" ")
        if directive == "%if":
            open_blocks.append(holds(rest, traits))
        elif directive == "%else":
            open_blocks[-1] = not open_blocks[-1]
        elif directive == "%end":
            open_blocks.pop()
        elif not all(open_blocks):
            continue
        elif directive == "%import":
            yield from _import(rest, traits)
        else:
            yield line


def _import(rest: str, traits: Collection[str]) -> Iterator[str]:
    module, _colon, given = rest.partition(": ")
    entries = (entry.partition(" if ") for entry in given.split(", "))
    names = [name for name, _if, condition in entries if not condition or holds(condition, traits)]
    if not names:
        return
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= _WIDTH:
        yield line
    else:
        yield from (f"from {module} import (", *(f"    {name}," for name in names), ")")
