"""Built-in plugins: they use the very same hooks as everybody else's."""
