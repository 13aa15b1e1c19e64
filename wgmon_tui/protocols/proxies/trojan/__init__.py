"""The protocol Trojan."""
