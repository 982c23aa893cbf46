"""Built-in plugin `printing`: customer cards, the roster and address labels, for paper."""
