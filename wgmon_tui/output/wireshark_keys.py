"""The secrets of one exchange, in the lines that Wireshark reads (its WireGuard key log).

Wireshark opens nothing further than we need ourselves: without our long-term private key it sees neither the
timestamp nor the response nor the data, since that key is part of every Diffie-Hellman but the first. So a
key log that shows a handshake always holds it, and a file with one is worth as much as the key.
"""

from __future__ import annotations

from typing import NoReturn

from wgmon_tui.protocols.wireguard.keys import NO_PRESHARED_KEY, PrivateKey
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.text import printable


class KeyLog:
    """Gives the ephemeral keys of a check and remembers them. Never prints itself; `lines` does, by name."""

    __slots__ = ("_ephemerals", "_target")

    def __init__(self, target: Target) -> None:
        self._target = target
        self._ephemerals: list[PrivateKey] = []

    def __repr__(self) -> str:
        return "KeyLog(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key log is neither pickled nor copied: a pickle holds its secrets in the clear")

    def ephemeral(self) -> PrivateKey:
        """A fresh one-time key for the next initiation."""
        fresh = PrivateKey.generate()
        self._ephemerals.append(fresh)
        return fresh

    def lines(self) -> str:
        """The key log. Only for a file that somebody has asked for twice."""
        target = self._target
        written = [
            f"LOCAL_STATIC_PRIVATE_KEY = {target.private_key.to_text()}",
            f"REMOTE_STATIC_PUBLIC_KEY = {target.server.public_key}",
        ]
        for ephemeral in self._ephemerals:
            written.append(f"LOCAL_EPHEMERAL_PRIVATE_KEY = {ephemeral.to_text()}")
            if target.preshared_key != NO_PRESHARED_KEY:
                # Wireshark takes it as that of the ephemeral key before it.
                written.append(f"PRESHARED_KEY = {target.preshared_key.to_text()}")
        return "\n".join([*written, ""])


def key_log_warning(target: Target) -> tuple[str, ...]:
    """In words, before it is written: what will be in the file, and what that means."""
    identity, server = printable(target.server.identity), printable(target.server.name)
    held = [f'the private key of the identity "{identity}", which stays valid until servers forget it']
    if target.preshared_key != NO_PRESHARED_KEY:
        held.append(f'the preshared key of "{server}"')
    held.append("the one-time keys of this one exchange")
    return (
        f"The file will hold in the clear: {'; '.join(held)}.",
        f'Whoever has it can connect to every server that knows "{identity}". Wireshark needs all of it.',
        "Keep it to yourself and delete it when you have looked.",
    )
