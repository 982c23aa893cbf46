"""A plugin for tests: invoices, orders, deliveries, payments and purchases, all rows of one table."""
