"""`crm plugins check`: does a plugin keep the rules that the platform promises to everybody else."""
