"""One check: sockets, ICMP errors and kernel timestamps in, an exchange and evidence out. No opinions."""
