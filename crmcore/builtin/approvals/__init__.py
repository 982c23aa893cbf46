"""Requests for approval: who asks, who decides, what follows."""
