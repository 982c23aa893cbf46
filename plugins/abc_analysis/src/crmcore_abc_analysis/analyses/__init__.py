"""What the purchases tell besides the classes: each module answers one question."""
