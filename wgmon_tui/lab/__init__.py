"""Embedded WireGuard servers on loopback, healthy and broken, for the demo and the tests.

They share only the protocol code with the prober. tests/real checks that code against other WireGuard
implementations.
"""
