"""The database as a whole: migrate it, back it up, restore it, copy it to another server or file."""
