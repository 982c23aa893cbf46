"""The kernel's own tables: change log, keys, counters, health, cursors.

Plain tables, not SQLModel classes: nothing but the kernel reads them, and every command would pay for the classes.
`OPERATIONAL` tables hold no business facts (progress, counters, health); they may be written outside the gate.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from crmcore.db.base import BigId, JsonText, UtcDateTime, metadata

change_tx = Table(
    "change_tx",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("at", UtcDateTime(), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("authenticated_as", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("source", String(128), nullable=False),
    Column("xid", BigId, index=True),
    Column("entries", Integer, nullable=False),
    Column("first_seq", BigId, nullable=False),
    Column("last_seq", BigId, nullable=False),
    Column("digest", String(64), nullable=False),
    sqlite_autoincrement=True,
)
"""One committed transaction of the gate: who, when, why, from where.

`xid` is PostgreSQL's transaction id: readers go by (xid, seq), since ids commit out of order. Its entries lie
between `first_seq` and `last_seq`; on PostgreSQL entries of others may lie between them too. `digest` is the hash
of the last entry; each entry's hash covers the one before, the first covers this header.
"""

change_log = Table(
    "change_log",
    metadata,
    Column("seq", BigId, primary_key=True),
    Column("tx_id", BigId, nullable=False),
    Column("entity", String(64), nullable=False),
    Column("entity_id", BigId),
    Column("operation", String(16), nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("hash", String(64), nullable=False),
    Index("ix_change_log_entity_entity_id", "entity", "entity_id"),
    Index("ix_change_log_left", "entity", "operation", info={"where": "before names another row"}),
    sqlite_autoincrement=True,
)
"""One change of one row; `entity_id` is NULL for a range of appended rows.

The partial indexes find what is no more: `ix_change_log_left` rows that pointed to another and were removed or moved
away. Migrations make others of values cut out of the text: `ix_change_log_left_customer_id` and `_contact_id`, by whom
such a row pointed to, and `ix_change_log_code`, by the code that a row had before it got another or was removed.
"""

change_seal = Table(
    "change_seal",
    metadata,
    Column("position", BigId, primary_key=True, autoincrement=False),
    Column("tx_id", BigId, nullable=False),
    Column("seal", String(64), nullable=False),
    UniqueConstraint("tx_id"),
)
"""The hash chain over transactions: seal = sha256(seal before + transaction header + digest)."""

person_key = Table(
    "person_key",
    metadata,
    Column("entity", String(16), primary_key=True),
    Column("entity_id", BigId, primary_key=True, autoincrement=False),
    Column("key", LargeBinary),
)
"""The key under which a person's values stand in the change log; NULL once destroyed."""

code_counter = Table(
    "code_counter",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("value", BigId, nullable=False),
)
"""The last sequence number used by a code pattern."""

plugin_health = Table(
    "plugin_health",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("quarantined", Boolean, nullable=False),
    Column("error", JsonText),
)
"""The last error of a plugin, how often it failed, and whether it is quarantined."""

observer_cursor = Table(
    "observer_cursor",
    metadata,
    Column("plugin", String(64), primary_key=True),
    Column("xid", BigId, nullable=False),
    Column("seq", BigId, nullable=False),
)
"""How far an observing plugin has read the change log."""

observer_parked = Table(
    "observer_parked",
    metadata,
    Column("plugin", String(64), primary_key=True),
    Column("entity", String(64), primary_key=True),
    Column("entity_id", BigId, primary_key=True, autoincrement=False),
    Column("seq", BigId, nullable=False),
    Column("error", Text, nullable=False),
)
"""A row whose change an observer could not take; its later changes wait too."""

read_log = Table(
    "read_log",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("at", UtcDateTime(), nullable=False, index=True),
    Column("actor", String(64), nullable=False),
    Column("authenticated_as", String(128), nullable=False),
    Column("what", String(32), nullable=False),
    Column("entity", String(64), nullable=False),
    Column("count", BigId, nullable=False),
    Column("filter", Text, nullable=False),
    sqlite_autoincrement=True,
)
"""Who exported, listed in bulk or read sensitive fields."""

OPERATIONAL = frozenset(
    {"plugin_health", "observer_cursor", "observer_parked", "read_log", "import_run", "job_run"}
)
