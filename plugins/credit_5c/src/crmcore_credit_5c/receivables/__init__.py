"""What customers owe, since when, and what is done about it."""
