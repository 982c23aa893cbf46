"""Customers, contacts, interactions, documents and actors."""
