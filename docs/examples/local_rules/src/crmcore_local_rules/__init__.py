"""Codes, exchange rates and service by the rules of one company, for crmcore (本地规则)."""
