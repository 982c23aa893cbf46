"""Jobs run by name in the foreground."""
