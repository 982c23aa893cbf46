"""Credit as evidence: investigation, evaluation, limits, the release of orders, receivables."""
