"""Orders that are entered here: added as drafts, released or held, cancelled (订单)."""
