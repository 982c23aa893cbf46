"""The kernel's tables: entities, change log, plugins, imports, jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "crmcore_0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "actor",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("roles", JSON, nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_actor")),
        sa.UniqueConstraint("code", name=("uq_actor_code")),
        sa.UniqueConstraint("uid", name=("uq_actor_uid")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "change_log",
        sa.Column("seq", BIG, nullable=False),
        sa.Column("tx_id", BIG, nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("entity_id", BIG, nullable=True),
        sa.Column("operation", sa.String(length=16), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=("pk_change_log")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_change_log_entity_entity_id", "change_log", ["entity", "entity_id"], unique=False)
    op.create_table(
        "change_seal",
        sa.Column("position", BIG, autoincrement=False, nullable=False),
        sa.Column("tx_id", BIG, nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("position", name=("pk_change_seal")),
        sa.UniqueConstraint("tx_id", name=("uq_change_seal_tx_id")),
    )
    op.create_table(
        "change_tx",
        sa.Column("id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("authenticated_as", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("xid", BIG, nullable=True),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("first_seq", BIG, nullable=False),
        sa.Column("last_seq", BIG, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_change_tx")),
        sqlite_autoincrement=True,
    )
    op.create_index(("ix_change_tx_xid"), "change_tx", ["xid"], unique=False)
    op.create_table(
        "code_counter",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=("pk_code_counter")),
    )
    op.create_table(
        "contact",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("phone", sa.String(64), nullable=True),
        sa.Column("mobile", sa.String(64), nullable=True),
        sa.Column("email", sa.String(200), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attributes", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_contact")),
        sa.UniqueConstraint("code", name=("uq_contact_code")),
        sa.UniqueConstraint("uid", name=("uq_contact_uid")),
        sqlite_autoincrement=True,
    )
    op.create_index(("ix_contact_name"), "contact", ["name"], unique=False)
    op.create_table(
        "customer",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("customer_kind", sa.String(64), nullable=True),
        sa.Column("lifecycle", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("short_name", sa.String(100), nullable=True),
        sa.Column("owner", sa.String(64), nullable=True),
        sa.Column("channel", sa.String(64), nullable=True),
        sa.Column("region", sa.String(64), nullable=True),
        sa.Column("industry", sa.String(64), nullable=True),
        sa.Column("legal_form", sa.String(64), nullable=True),
        sa.Column("tax_id", sa.String(32), nullable=True),
        sa.Column("phone", sa.String(64), nullable=True),
        sa.Column("parent_id", BIG, nullable=True),
        sa.Column("source", sa.String(64), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attributes", JSON, nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["customer.id"], name=("fk_customer_parent_id_customer")),
        sa.PrimaryKeyConstraint("id", name=("pk_customer")),
        sa.UniqueConstraint("code", name=("uq_customer_code")),
        sa.UniqueConstraint("uid", name=("uq_customer_uid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_customer_name", "customer", ["name"], unique=False)
    op.create_index("ix_customer_owner", "customer", ["owner"], unique=False)
    op.create_index(("ix_customer_parent_id"), "customer", ["parent_id"], unique=False)
    op.create_index("ix_customer_tax_id", "customer", ["tax_id"], unique=False)
    op.create_table(
        "import_run",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("plugin", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("file_path", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("file_bytes", BIG, nullable=False),
        sa.Column("encoding", sa.String(40), nullable=True),
        sa.Column("mapping", JSON, nullable=False),
        sa.Column("options", JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rows_done", BIG, nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("rejects_file", sa.Text(), nullable=True),
        sa.Column("rejects_bytes", BIG, nullable=False),
        sa.Column("warnings", JSON, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", BIG, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_import_run")),
        sa.UniqueConstraint("uid", name=("uq_import_run_uid")),
        sqlite_autoincrement=True,
    )
    op.create_index(("ix_import_run_file_sha256"), "import_run", ["file_sha256"], unique=False)
    op.create_index(("ix_import_run_state"), "import_run", ["state"], unique=False)
    op.create_table(
        "job_run",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("summary", JSON, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_job_run")),
        sqlite_autoincrement=True,
    )
    op.create_index(("ix_job_run_name"), "job_run", ["name"], unique=False)
    op.create_table(
        "observer_cursor",
        sa.Column("plugin", sa.String(length=64), nullable=False),
        sa.Column("xid", BIG, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.PrimaryKeyConstraint("plugin", name=("pk_observer_cursor")),
    )
    op.create_table(
        "observer_parked",
        sa.Column("plugin", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("entity_id", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("plugin", "entity", "entity_id", name=("pk_observer_parked")),
    )
    op.create_table(
        "person_key",
        sa.Column("entity", sa.String(length=16), nullable=False),
        sa.Column("entity_id", BIG, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("entity", "entity_id", name=("pk_person_key")),
    )
    op.create_table(
        "plugin",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("distribution", sa.String(128), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("record_hash", sa.String(64), nullable=False),
        sa.Column("hooks", JSON, nullable=False),
        sa.Column("table_prefix", sa.String(64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_plugin")),
        sa.UniqueConstraint("name", name=("uq_plugin_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "plugin_health",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Boolean(), nullable=False),
        sa.Column("error", JSON, nullable=True),
        sa.PrimaryKeyConstraint("name", name=("pk_plugin_health")),
    )
    op.create_table(
        "read_log",
        sa.Column("id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("authenticated_as", sa.String(length=128), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("count", BIG, nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_read_log")),
        sqlite_autoincrement=True,
    )
    op.create_index(("ix_read_log_at"), "read_log", ["at"], unique=False)
    op.create_table(
        "actor_deputy",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("deputy_id", BIG, nullable=False),
        sa.Column("absent_id", BIG, nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["absent_id"], ["actor.id"], name=("fk_actor_deputy_absent_id_actor")),
        sa.ForeignKeyConstraint(["deputy_id"], ["actor.id"], name=("fk_actor_deputy_deputy_id_actor")),
        sa.PrimaryKeyConstraint("id", name=("pk_actor_deputy")),
        sa.UniqueConstraint("uid", name=("uq_actor_deputy_uid")),
        sqlite_autoincrement=True,
    )
    op.create_index(("ix_actor_deputy_absent_id"), "actor_deputy", ["absent_id"], unique=False)
    op.create_index(("ix_actor_deputy_deputy_id"), "actor_deputy", ["deputy_id"], unique=False)
    op.create_table(
        "contact_firm",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("roles", JSON, nullable=False),
        sa.Column("position", sa.String(100), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=("fk_contact_firm_contact_id_contact")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=("fk_contact_firm_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=("pk_contact_firm")),
        sa.UniqueConstraint("uid", name=("uq_contact_firm_uid")),
        sqlite_autoincrement=True,
    )
    op.create_index(("ix_contact_firm_contact_id"), "contact_firm", ["contact_id"], unique=False)
    op.create_index(("ix_contact_firm_customer_id"), "contact_firm", ["customer_id"], unique=False)
    op.create_table(
        "document",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("drawer", sa.String(32), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("confidential", sa.Boolean(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=("fk_document_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=("pk_document")),
        sa.UniqueConstraint("code", name=("uq_document_code")),
        sa.UniqueConstraint("uid", name=("uq_document_uid")),
        sqlite_autoincrement=True,
    )
    op.create_index(("ix_document_customer_id"), "document", ["customer_id"], unique=False)
    op.create_index(("ix_document_sha256"), "document", ["sha256"], unique=False)
    op.create_table(
        "interaction",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("contact_id", BIG, nullable=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner", sa.String(64), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=("fk_interaction_contact_id_contact")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=("fk_interaction_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=("pk_interaction")),
        sa.UniqueConstraint("code", name=("uq_interaction_code")),
        sa.UniqueConstraint("uid", name=("uq_interaction_uid")),
        sqlite_autoincrement=True,
    )
    op.create_index(("ix_interaction_contact_id"), "interaction", ["contact_id"], unique=False)
    op.create_index("ix_interaction_customer_id_at", "interaction", ["customer_id", "at"], unique=False)
    op.create_index(("ix_interaction_due_on"), "interaction", ["due_on"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index(("ix_interaction_due_on"), table_name="interaction")
    op.drop_index("ix_interaction_customer_id_at", table_name="interaction")
    op.drop_index(("ix_interaction_contact_id"), table_name="interaction")
    op.drop_table("interaction")
    op.drop_index(("ix_document_sha256"), table_name="document")
    op.drop_index(("ix_document_customer_id"), table_name="document")
    op.drop_table("document")
    op.drop_index(("ix_contact_firm_customer_id"), table_name="contact_firm")
    op.drop_index(("ix_contact_firm_contact_id"), table_name="contact_firm")
    op.drop_table("contact_firm")
    op.drop_index(("ix_actor_deputy_deputy_id"), table_name="actor_deputy")
    op.drop_index(("ix_actor_deputy_absent_id"), table_name="actor_deputy")
    op.drop_table("actor_deputy")
    op.drop_index(("ix_read_log_at"), table_name="read_log")
    op.drop_table("read_log")
    op.drop_table("plugin_health")
    op.drop_table("plugin")
    op.drop_table("person_key")
    op.drop_table("observer_parked")
    op.drop_table("observer_cursor")
    op.drop_index(("ix_job_run_name"), table_name="job_run")
    op.drop_table("job_run")
    op.drop_index(("ix_import_run_state"), table_name="import_run")
    op.drop_index(("ix_import_run_file_sha256"), table_name="import_run")
    op.drop_table("import_run")
    op.drop_index("ix_customer_tax_id", table_name="customer")
    op.drop_index(("ix_customer_parent_id"), table_name="customer")
    op.drop_index("ix_customer_owner", table_name="customer")
    op.drop_index("ix_customer_name", table_name="customer")
    op.drop_table("customer")
    op.drop_index(("ix_contact_name"), table_name="contact")
    op.drop_table("contact")
    op.drop_table("code_counter")
    op.drop_index(("ix_change_tx_xid"), table_name="change_tx")
    op.drop_table("change_tx")
    op.drop_table("change_seal")
    op.drop_index("ix_change_log_entity_entity_id", table_name="change_log")
    op.drop_table("change_log")
    op.drop_table("actor")
