"""REALITY: TLS 1.3 to a server that shows strangers the site of somebody else."""
