"""The checks in the order in which they are made and shown; the names are part of the contract and never translated."""

from __future__ import annotations

POSTGRES = "migrations on PostgreSQL"
OUTPUT = "output"
CHECKS: dict[str, str] = {
    "manifest": "manifest:check_manifest",
    "settings": "settings:check_settings",
    "catalogues": "texts:check_catalogues",
    "imports": "imports:check_imports",
    "hooks": "loading:check_hooks",
    "import budget": "budget:check_budget",
    "names": "naming:check_names",
    "commands": "commands:check_commands",
    "migrations on SQLite": "migrating:check_sqlite",
    POSTGRES: "migrating:check_postgres",
    "personal data": "personal:check_personal",
    "use alone": "using:check_use",
    "change log": "logged:check_log",
    "merging": "merging:check_merging",
    "uninstall": "leaving:check_uninstall",
    "batches": "batches:check_batches",
    "linear time": "batches:check_time",
}
"""Row → `module:function` in this package; the function takes a Subject and returns a Finding."""
ROWS = (*CHECKS, OUTPUT)
