"""Products, business documents and payments: the facts that other plugins reckon with (台账)."""
