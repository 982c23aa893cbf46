"""A plugin for tests: all that an analysis may ask for beside purchases, each fact from a table of its own."""
