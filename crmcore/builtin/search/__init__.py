"""Finding customers by whatever somebody knows of them."""
