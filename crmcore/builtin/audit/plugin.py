"""Built-in room `audit`: `crm history`, `crm audit`, and what `crm customer show --as-of` needs. It has no hooks."""
