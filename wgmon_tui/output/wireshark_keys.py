"""WireGuard key log for Wireshark: the secrets of one exchange.

Without the client's static private key, Wireshark can decrypt neither the timestamp nor the response nor the
data: that key is part of every Diffie-Hellman but the first. So a useful key log always contains it, and must
be protected like the key itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from wgmon_tui.protocols.wireguard.keys import NO_PRESHARED_KEY, PrivateKey
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.text import printable


class KeyLog:
    """Holds the ephemeral keys of a check. Only `lines` reveals them, never the repr."""

    __slots__ = ("_ephemerals", "_target")

    def __init__(self, target: Target, ephemerals: Iterable[PrivateKey]) -> None:
        """`ephemerals` are the one-time keys of the initiations, in their order."""
        self._target = target
        self._ephemerals = list(ephemerals)

    def __repr__(self) -> str:
        return "KeyLog(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key log is neither pickled nor copied: a pickle holds its secrets in the clear")

    def lines(self) -> str:
        """Return the key log. Use it only for a file that the operator has requested and confirmed."""
        target = self._target
        written = [
            f"LOCAL_STATIC_PRIVATE_KEY = {target.private_key.to_text()}",
            f"REMOTE_STATIC_PUBLIC_KEY = {target.server.public_key}",
        ]
        for ephemeral in self._ephemerals:
            written.append(f"LOCAL_EPHEMERAL_PRIVATE_KEY = {ephemeral.to_text()}")
            if target.preshared_key != NO_PRESHARED_KEY:
                # Wireshark applies it to the preceding ephemeral key.
                written.append(f"PRESHARED_KEY = {target.preshared_key.to_text()}")
        return "\n".join([*written, ""])


def key_log_warning(target: Target) -> tuple[str, ...]:
    """Return the warning to show before writing: the file's content and its risk."""
    identity, server = printable(target.server.identity), printable(target.server.name)
    held = [f'the private key of the identity "{identity}", valid until it is removed from the servers']
    if target.preshared_key != NO_PRESHARED_KEY:
        held.append(f'the preshared key of "{server}"')
    held.append("the ephemeral keys of this exchange")
    return (
        f"The file will contain, unencrypted: {'; '.join(held)}.",
        f'Anyone with the file can connect to every server that accepts "{identity}".',
        "Do not share the file, and delete it after use.",
    )
