"""The rules, as a credit controller states them: plain Python over plain values."""
