"""How much the kernel keeps for a socket that nobody reads."""

MANY_DATAGRAMS = 400
"""More than a prober reads in a turn, and no more small ones than any machine keeps.

Linux counts at least 768 bytes for each, and gives twice its net.core.rmem_max. That is 212,992 unless it was
raised: room for 554.
"""
