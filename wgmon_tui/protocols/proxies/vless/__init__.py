"""The protocol VLESS."""
