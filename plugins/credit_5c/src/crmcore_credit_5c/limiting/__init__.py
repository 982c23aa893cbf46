"""How much credit, who decides it, and what of it is used."""
