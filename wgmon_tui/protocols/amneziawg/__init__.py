"""AmneziaWG: the handshake of WireGuard in packets that look like none.

Source: amneziawg-go (README, device/send.go, device/receive.go, device/obf.go). Only the framing differs from
WireGuard. Handshake, session, stages and causes are those of `protocols/wireguard`.
"""
