"""Commands for administrators; no hooks so far."""
