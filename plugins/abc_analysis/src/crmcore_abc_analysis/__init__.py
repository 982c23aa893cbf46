"""ABC classification of customers by their purchases (客户分类)."""
