"""Path view: the hops between this machine and a server, and where packets end."""
