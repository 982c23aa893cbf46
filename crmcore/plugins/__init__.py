"""Discovery, hosting and lifecycle of plugins."""
