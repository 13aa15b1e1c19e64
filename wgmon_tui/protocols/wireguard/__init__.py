"""The WireGuard protocol, sans-I/O: bytes in, bytes out.

Section numbers in this room are those of the whitepaper (Donenfeld, "WireGuard: Next Generation Kernel
Network Tunnel", NDSS 2017 and its later revisions). No module here opens a socket or reads a clock: a test,
a fuzzer, the embedded lab and the prober drive the same code.
"""
