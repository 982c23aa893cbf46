"""Three years of made-up trade for the demo company: products, documents, payments."""

from crmcore_trade_ledger.demo.files import demo_files

__all__ = ["demo_files"]
