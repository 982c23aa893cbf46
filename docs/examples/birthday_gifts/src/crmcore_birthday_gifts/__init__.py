"""Birthday gifts for crmcore (生日礼品)."""
