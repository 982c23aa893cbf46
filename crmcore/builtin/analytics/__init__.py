"""Engines on which analyses are computed: the database itself, DuckDB, Spark."""
