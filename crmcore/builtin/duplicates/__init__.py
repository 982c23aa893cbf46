"""Customers that may be one and the same (查重): found, judged, joined."""
