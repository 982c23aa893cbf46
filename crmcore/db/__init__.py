"""Engines, sessions of reading, migrations."""
