"""A CRM framework: a small kernel, and business capabilities as plugins."""

__version__ = "0.1.0"
