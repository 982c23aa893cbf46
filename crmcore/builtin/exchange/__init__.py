"""Import and export of every entity that is declared importable (the built-in plugin `exchange`)."""
