"""Proxy protocols: Shadowsocks, VMess, VLESS and Trojan. Each has a folder; they share links and settings."""
