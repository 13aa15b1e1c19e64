"""The protocol Shadowsocks."""
