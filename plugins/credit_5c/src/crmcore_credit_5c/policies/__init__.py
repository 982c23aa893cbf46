"""What a grade means, and what another meaning would have done in the year past."""
