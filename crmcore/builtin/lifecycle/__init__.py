"""What happens to a plugin over its life: plan, upgrade, uninstall, export, restore."""
