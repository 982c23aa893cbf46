"""New rows as the change log keeps them: JSON of what is set, made of many rows at once, for a bulk import waits for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from types import NoneType
from typing import Any

from crmcore.db.base import dumps


def images_of(rows: Sequence[Mapping[str, Any]], attributes: Sequence[str] | None) -> list[str]:
    """Return rows as JSON without what is not set; `attributes` are theirs, JSON already, and come last."""
    left_out = None if attributes is None else "attributes"
    columns: list[Sequence[Any]]
    if len(set(map(tuple, rows))) > 1:  # the order of keys is the row's own
        form, columns = "%s", [[_alone(row, left_out) for row in rows]]
    else:
        form, columns = _columns(rows, left_out)
    if attributes is not None:
        form, columns = f'{form},"attributes":%s', [*columns, attributes]
    if not columns:
        return ["{}"] * len(rows)
    texts = zip(*columns, strict=True)
    if form.startswith(","):
        return list(map(f"{{{form[1:]}}}".__mod__, texts))
    return [f"{{{(form % values)[1:]}}}" for values in texts]


def _alone(row: Mapping[str, Any], left_out: str | None) -> str:
    text = dumps({name: value for name, value in row.items() if value is not None and name != left_out})
    return f",{text[1:-1]}" if text != "{}" else ""


def _columns(rows: Sequence[Mapping[str, Any]], left_out: str | None) -> tuple[str, list[Sequence[Any]]]:
    """Return a form and what goes into it: nearly all columns are texts in which nothing is to be escaped."""
    form = ""
    columns: list[Sequence[Any]] = []
    for name in rows[0]:
        values: Sequence[Any] = list(map(itemgetter(name), rows))
        kinds = set(map(type, values))
        if name == left_out or kinds == {NoneType}:
            continue
        plain = kinds <= {str, NoneType} and _is_plain("".join(filter(None, values)))
        if kinds == {int}:
            form += f',"{name}":%s'
        elif plain and NoneType not in kinds:
            form += f',"{name}":"%s"'
        else:
            form += "%s"
            write = '"{}"'.format if plain else dumps
            values = ["" if value is None else f',"{name}":{write(value)}' for value in values]
        columns.append(values)
    return form, columns


def _is_plain(text: str) -> bool:
    return text.isprintable() and '"' not in text and "\\" not in text
