"""Settings: JSON Schema files, checked with sentences that say what is allowed."""
