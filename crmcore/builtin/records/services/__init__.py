"""Use cases of contacts, interactions, documents and actors; those of customers are in crmcore.entities."""
