"""What a class means to the other modules, and what it costs."""
