"""A plugin for tests: purchases in a table of its own, so that no ledger is needed."""
