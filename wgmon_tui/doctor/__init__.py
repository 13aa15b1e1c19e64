"""Diagnostics of this machine (`doctor`), and of a server's own view of itself (`inspect`)."""
