"""One coding system: readable, unique, stable codes from a pattern and a counter row; gaps are fine (统一编码)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.db.base import insert_or
from crmcore.db.system import code_counter
from crmcore.errors import BadConfig
from crmcore.i18n import _

if TYPE_CHECKING:
    from datetime import date

LONGEST_CODE = 64


def codes_from_pattern(pattern: str, numbers: Sequence[int], today: date) -> list[str]:
    """Make codes from `C{year}{seq:05}`-like patterns: the strategy `pattern`."""
    try:
        return [pattern.format(seq=n, year=f"{today.year:04}", month=f"{today.month:02}") for n in numbers]
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        raise BadConfig(
            _(
                "crm.toml: the code pattern {pattern!r} is not allowed; use {{seq:06}}, {{year}} and {{month}}"
            ).format(pattern=pattern)
        ) from None


def check_codes(codes: Any, _pattern: str, numbers: Sequence[int], _today: date) -> None:
    """Raise ValueError unless a generator gave one usable code per number."""
    if not isinstance(codes, Sequence) or len(codes) != len(numbers) or len(set(codes)) != len(codes):
        raise ValueError(_("it must give one code of its own for each number"))
    for code in codes:
        if not isinstance(code, str) or not 0 < len(code) <= LONGEST_CODE or code != code.strip():
            raise ValueError(_("{code!r} is no code").format(code=code))


def reserve_numbers(connection: sa.Connection, name: str, count: int) -> range:
    """Take the next `count` numbers of a counter, or give back the last ones (a negative count); the caller's transaction holds its row until it ends."""
    statement = insert_or(connection, code_counter).values(name=name, value=count)
    statement = statement.on_conflict_do_update(
        index_elements=["name"], set_={"value": code_counter.c.value + statement.excluded.value}
    )
    last = connection.execute(statement.returning(code_counter.c.value)).scalar_one()
    return range(last - count + 1, last + 1)
