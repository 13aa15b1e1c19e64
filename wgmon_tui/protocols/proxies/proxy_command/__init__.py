"""Proxies of any protocol, checked through a program of the user behind a loopback port."""
