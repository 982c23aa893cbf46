"""The index and what is known of it.

No part of the company's data: it is made of the rows and can be made anew at any time, so a copy of a database
needs none of it. On SQLite the index is an FTS5 table, on PostgreSQL a tsvector with a GIN index; neither needs an
extension, and both hold the same words.
"""

from __future__ import annotations

import sqlalchemy as sa

from crmcore.db.base import JsonText

metadata = sa.MetaData()
INDEX = "search_index"
STATE = "search_state"
GIN = "ix_search_index_terms"

state = sa.Table(
    STATE,
    metadata,
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("value", JsonText, nullable=False),
)
"""`built` = the features that it was built with; `mixed` = rows were written since by a program without them; `waits` =
it was made empty where there were rows already, by a migration, and is to be built."""
