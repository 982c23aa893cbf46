"""Tax ids of rows that are imported: what is wrong with them is told, and they are taken in."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from crmcore.builtin.duplicates.tax_columns import unsound
from crmcore.builtin.duplicates.tax_ids import read_tax_id
from crmcore.builtin.duplicates.words import tax_id_warning
from crmcore.i18n import translator

if TYPE_CHECKING:
    from crmcore.plugins.types import Row

_ = translator("crmcore")


def tax_id_warnings(rows: Iterable[Row], most: int) -> list[str]:
    """Return sentences on the first rows whose tax id is wrong, so many at most."""
    given = [row for row in rows if row.values.get("tax_id")]
    doubtful = (given[place] for place in unsound([row.values["tax_id"] for row in given]))
    wrong = (row for row in doubtful if _is_wrong(row.values["tax_id"]))
    return [
        _("{code}: {problem}").format(code=row.values["code"], problem=tax_id_warning(row.values["tax_id"]))
        for row in islice(wrong, most)
    ]


def _is_wrong(text: str) -> bool:
    tax_id = read_tax_id(text)
    return tax_id is not None and bool(tax_id.problems)
