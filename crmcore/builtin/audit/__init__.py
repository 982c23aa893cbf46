"""History, past views of a customer, and checks of the change log."""
