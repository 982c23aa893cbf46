"""A scorecard of a company's own, fitted to its history."""
