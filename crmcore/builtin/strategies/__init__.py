"""The strategies that the kernel itself offers."""
