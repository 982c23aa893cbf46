"""Natural persons: given what is held of them, restricted, erased; consents, retention, what is kept and why."""
