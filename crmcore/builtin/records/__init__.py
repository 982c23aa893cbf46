"""The commands for customers, contacts, interactions, documents and actors."""
