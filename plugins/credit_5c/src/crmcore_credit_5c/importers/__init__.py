"""Tables of evidence and of financial statements, read for many customers at once."""
