"""Loyalty points for crmcore (会员积分)."""
