"""`crm plugins new`: write a plugin that works, to begin one's own with."""
