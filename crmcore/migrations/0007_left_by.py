"""Entries of rows that are no more are found by what they pointed to and by their code, however many others left, too."""

from __future__ import annotations

from alembic import op

revision = "crmcore_0007"
down_revision = "crmcore_0006"
branch_labels = None
depends_on = None

_REFERENCES = ("customer_id", "contact_id")
_CODE = {
    "sqlite": 'substr(before, instr(before, \'"code":"\') + 7, 72)',
    "postgresql": '(substring(before from \'"code":("(?:[^"\\\\]|\\\\.){0,70}")\') COLLATE "C")',
}


def upgrade() -> None:
    """Index the values themselves; they are cut out of the text, which may be anything if somebody tampers with it."""
    op.drop_index("ix_change_log_code", table_name="change_log")
    dialect = op.get_bind().dialect.name
    _make("ix_change_log_code", _CODE[dialect], '"code":"')
    for name in _REFERENCES:
        _make(f"ix_change_log_left_{name}", _reference(name, dialect), f'"{name}":')


def downgrade() -> None:
    """Index by kind of row and operation alone again."""
    for name in reversed(_REFERENCES):
        op.drop_index(f"ix_change_log_left_{name}", table_name="change_log")
    op.drop_index("ix_change_log_code", table_name="change_log")
    _make("ix_change_log_code", "operation", '"code":"')


def _reference(name: str, dialect: str) -> str:
    """Return the number behind the key; -1 where the key stands twice: one of them is inside of another value."""
    key = f'"{name}":'
    find = "instr" if dialect == "sqlite" else "strpos"
    rest = f"substr(before, {find}(before, '{key}') + {len(key)})"
    if dialect == "sqlite":
        number, twice = f"CAST(substr(before, instr(before, '{key}') + {len(key)}, 20) AS INTEGER)", "-1"
    else:
        number, twice = f"substring(before from '{key}([0-9]{{1,20}})')", "'-1'"
    return f"(CASE WHEN {find}({rest}, '{key}') > 0 THEN {twice} ELSE {number} END)"


def _make(name: str, second: str, text: str) -> None:
    connection = op.get_bind()
    find = "instr" if connection.dialect.name == "sqlite" else "strpos"
    statement = f"CREATE INDEX {name} ON change_log (entity, {second}) WHERE {find}(before, '{text}') > 0"
    connection.exec_driver_sql(statement)
