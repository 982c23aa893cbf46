"""Papers of the customers: lent, handed out, and kept from whom they are not for."""
