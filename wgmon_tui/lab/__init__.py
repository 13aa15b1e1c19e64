"""Embedded WireGuard servers on loopback, healthy and broken, for the demo and the tests.

They speak the protocol with the same code as the prober and share nothing else with it. That the code is
right, servers and clients that others wrote must say (tests/real).
"""
