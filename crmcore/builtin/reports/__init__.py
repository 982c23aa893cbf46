"""Reports as data, rendered for the terminal and as CSV."""
