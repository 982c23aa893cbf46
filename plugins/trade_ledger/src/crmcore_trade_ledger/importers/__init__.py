"""Reading files of products, documents and allocations into the ledger, and writing them out again."""
