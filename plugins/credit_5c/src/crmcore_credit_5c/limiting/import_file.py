"""Files of limits read: which columns they have, and what each row asks for."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from crmcore.api import N_, Field, currency_code, printable, read_table, to_minor, translator

if TYPE_CHECKING:
    from crmcore.api import App, OutsideTable, Row

_ = translator("crmcore_credit_5c")
ENTITY = "credit_limits"
"""What a mapping file calls it."""
_ISO = re.compile(r"[A-Z]{3}")


def _currency(text: str) -> str:
    code = currency_code(text)
    if not _ISO.fullmatch(code):
        raise ValueError(_("is no currency; write its ISO 4217 code, such as CNY"))
    return code


FIELDS = (
    Field(
        "customer",
        "code",
        required=True,
        headers=("客户编码", "客户编号", "客户代码", "客户代号", "客户号", "客户ID", "往来单位编码", "单位编码", "客商编码",
                 "公司编码", "Customer Code", "Customer No", "Customer Number", "Customer ID", "Account Number",
                 "Account No", "Account Code", "Account ID", "Client Code", "Partner Code", "cCusCode", "~客户", "~code",
                 "~编码", "~编号"),
        title=N_("Customer"),
        max_length=64,
    ),
    Field(
        "limit",
        "amount",
        required=True,
        headers=("信用额度", "信用限额", "信用额", "授信额度", "授信金额", "信贷限额", "赊销额度", "期初额度", "期初信用额度",
                 "额度", "额度金额", "信用额度金额", "Credit Limit", "Credit Limit Amount", "Credit Line", "Limit Amount",
                 "iCusCreLine", "~Amount", "~金额"),
        title=N_("Credit limit"),
    ),
    Field(
        "currency",
        headers=("币别", "币种", "货币", "Currency Code", "Limit Currency"),
        title=N_("Currency"),
        max_length=16,
        accept=_currency,
    ),
    Field(
        "until",
        "date",
        headers=("有效期至", "额度有效期至", "额度到期日", "到期日", "到期日期", "失效日期", "截止日期", "Valid Until",
                 "Valid To", "Expires", "Expiry Date", "Expiration Date", "End Date"),
        title=N_("Until"),
    ),
    Field(
        "payment_days",
        "integer",
        headers=("收款期限", "收款天数", "账期", "帐期", "账期天数", "信用期限", "信用期", "信用天数", "付款天数", "回款天数",
                 "结算期限", "Credit Days", "Credit Period", "Net Days", "Terms Days", "iCusCreDate"),
        title=N_("Payment days"),
    ),
)  # fmt: skip


class FileRow(NamedTuple):
    """A row whose cells could be read."""

    line: int
    customer: str
    """The code, as it stands there."""
    limit: Decimal
    currency: str
    until: date | None
    payment_days: int | None

    @property
    def limit_minor(self) -> int:
        """The limit in minor units; ValueError says why it has none."""
        return to_minor(self.limit, self.currency)


class Unreadable(NamedTuple):
    """A row with a cell that could not be read."""

    line: int
    sentence: str


class LimitFile(NamedTuple):
    """A file of limits, read whole."""

    name: str
    sha256: str
    rows: list[FileRow]
    unreadable: list[Unreadable]
    warnings: list[str]


def read_limits(app: App, path: Path, reading: dict[str, Any]) -> LimitFile:
    """Read a file of limits; reading: the options of `crmcore.api.read_table`. CrmError says why it cannot be read."""
    table: OutsideTable = read_table(app, path, ENTITY, FIELDS, **reading)
    return LimitFile(
        table.file,
        table.sha256,
        [_row(row, app.config.currency) for row in table.rows],
        [Unreadable(one.line, _sentence(one.column, one.value, one.reason)) for one in table.rejected],
        table.warnings,
    )


def _row(row: Row, currency: str) -> FileRow:
    values, until = row.values, row.values.get("until")
    return FileRow(
        row.line,
        values["customer"],
        values["limit"],
        values.get("currency", currency),
        None if until == date.max else until,  # so other systems write that there is no last day
        values.get("payment_days"),
    )


_SHOWN = 60


def _sentence(column: str, value: str, reason: str) -> str:
    """Say what is wrong with a cell, or with the whole row where no column is named."""
    if not column:
        return printable(reason)
    if not value:
        return _("{column} {reason}").format(column=printable(column), reason=reason)
    shown = printable(value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…")
    return _("{column} {value!r} {reason}").format(column=printable(column), value=shown, reason=reason)
