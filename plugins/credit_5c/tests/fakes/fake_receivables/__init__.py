"""A plugin for tests: invoices, credit notes, what settled them, and orders, each in a table of its own."""
