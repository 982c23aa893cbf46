"""The law behind the demo's trade: what is stated here is asserted of the files by tests/test_demo.py."""

from __future__ import annotations

YEARS = 3
"""The documents cover so many years up to the demo's today."""
MEAN_YEAR = 120_000
"""Yearly net purchases, in whole units of the currency, of a customer of weight 1."""
INVOICES_SHARE = 0.5
"""Invoices per year as a share of the customer's `orders_per_year`: the demo is to be imported in well under a minute."""

SEASON = (0.92, 0.58, 1.04, 1.00, 0.98, 1.02, 0.92, 0.94, 1.12, 0.96, 1.14, 1.38)
"""Sales of a month, January first, against the average month: the dip of the Chinese New Year, the peak at the year's end."""
SEASON_TOLERANCE = 0.15
GINI, GINI_TOLERANCE = 0.77, 0.03
"""Of net purchases per buying customer in a full calendar year; follows from the customers' weights."""

LATENESS = {"prompt": (-10, 0), "usual": (1, 15), "late": (16, 60), "very_late": (61, 150)}
"""Payment behaviour → days from the due date to the payment, first and last. Who has no credit pays with the order."""
NEVER_PAID = 0.2
"""Share of the invoices of very late payers that stay unpaid."""
PARTLY_FIRST = 0.08
"""Share of the invoices paid in two parts."""
NOT_ALLOCATED_DAYS, NOT_ALLOCATED = 20, 0.15
"""Share of the payments of the last days that nobody has allocated yet."""
RETURNED = 0.03
"""Share of the invoices of which something is returned, within three weeks."""
CANCELLED = 0.01
"""Share of the orders that are cancelled."""
DELIVERY_DAYS, INVOICE_DAYS = (1, 6), (0, 3)
"""Days from order to delivery and from delivery to invoice."""
