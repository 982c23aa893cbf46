"""Files of limits that were put to whoever decides on limits, each as one matter."""

from __future__ import annotations

from datetime import date

from sqlmodel import Field, Index

from crmcore.api import BigId
from crmcore_credit_5c.tables import CreditModel


class CreditLimitImport(CreditModel, table=True):
    """A file of limits (批量导入额度), such as those of the system before (期初额度)."""

    __tablename__ = "credit_limit_import"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  (read by SQLAlchemy as it is)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    file: str = Field(max_length=255)
    """Its name, without the folder."""
    sha256: str = Field(max_length=64)
    approval_id: int | None = Field(default=None, sa_type=BigId, index=True)
    """Number of the request for approval; who asked, when and what became of it stands there."""
    version: int = 1


class CreditLimitImportRow(CreditModel, table=True):
    """A limit that such a file asks for; it is none before the file is approved."""

    __tablename__ = "credit_limit_import_row"
    __table_args__ = (
        Index("ix_credit_limit_import_row_import", "import_id", "line"),
        Index("ix_credit_limit_import_row_customer", "customer_id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    import_id: int = Field(sa_type=BigId, foreign_key="credit_limit_import.id")
    line: int
    """Of the file; 1 = its first."""
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    limit_minor: int = Field(sa_type=BigId)
    currency: str = Field(max_length=3)
    until: date | None = None
    """The last day; None = the limit is to stand."""
    payment_days: int | None = None
    after_id: int | None = Field(default=None, sa_type=BigId)
    """The last decision on this limit as the file was proposed: another one since is not overwritten."""
    skipped: str | None = Field(default=None, max_length=16)
    """Why it was left out as the file was approved (`rules.imports.Skip`)."""
    version: int = 1
