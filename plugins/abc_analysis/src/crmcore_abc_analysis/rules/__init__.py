"""The rule book: plain Python over plain values, one subject a file."""
