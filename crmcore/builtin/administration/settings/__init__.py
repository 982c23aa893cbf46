"""What plugins are told in crm.toml: shown, changed, overridden by the environment; secrets only by reference."""
