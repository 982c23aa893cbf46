"""New rows as the change log keeps them: JSON of what is set, made of many rows at once, for a bulk import waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType
from typing import TYPE_CHECKING, Any

from crmcore.db.base import dumps

if TYPE_CHECKING:
    from crmcore.builtin.columns import Columns


def images_of(columns: Columns, attributes: Sequence[str] | None) -> list[str]:
    """Return rows as JSON without what is not set; `attributes` are theirs, JSON already, and come last."""
    form, there = _columns(columns, None if attributes is None else "attributes")
    if attributes is not None:
        form, there = f'{form},"attributes":%s', [*there, attributes]
    if not there:
        return ["{}"] * len(columns)
    texts = zip(*there, strict=True)
    if form.startswith(","):
        return list(map(f"{{{form[1:]}}}".__mod__, texts))
    return [f"{{{(form % values)[1:]}}}" for values in texts]


def _columns(columns: Columns, left_out: str | None) -> tuple[str, list[Sequence[Any]]]:
    """Return a form and what goes into it: nearly all columns are texts in which nothing is to be escaped."""
    form = ""
    there: list[Sequence[Any]] = []
    for name, values in columns.values.items():
        kinds = set(map(type, values))
        if name == left_out or kinds == {NoneType}:
            continue
        plain = kinds <= {str, NoneType} and _is_plain("".join(filter(None, values)))
        if kinds == {int}:
            form += f',"{name}":%s'
            there.append(values)
        elif plain and NoneType not in kinds:
            form += f',"{name}":"%s"'
            there.append(values)
        else:
            form += "%s"
            write = '"{}"'.format if plain else dumps
            there.append(["" if value is None else f',"{name}":{write(value)}' for value in values])
    return form, there


def _is_plain(text: str) -> bool:
    return text.isprintable() and '"' not in text and "\\" not in text
