"""The WireGuard protocol, its prober and its diagnosis.

Section numbers in this package refer to the whitepaper (Donenfeld, "WireGuard: Next Generation Kernel Network
Tunnel", NDSS 2017 and its later revisions). The protocol itself (wire, handshake, session, cookie, keys)
is sans-I/O: it opens no socket and reads no clock. Tests, a fuzzer, the embedded lab and the prober drive the
same code.
"""
