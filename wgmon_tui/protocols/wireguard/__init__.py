"""The WireGuard protocol, sans-I/O: bytes in, bytes out.

Section numbers in this package refer to the whitepaper (Donenfeld, "WireGuard: Next Generation Kernel Network
Tunnel", NDSS 2017 and its later revisions). The protocol modules open no socket and read no clock: tests, a
fuzzer, the embedded lab and the prober drive the same code.
"""
