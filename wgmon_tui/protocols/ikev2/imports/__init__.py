"""Connections in the configurations of IKEv2 clients: strongSwan's three, Apple's and Windows'."""
