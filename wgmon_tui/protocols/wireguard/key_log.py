"""WireGuard key log for Wireshark: the secrets of one exchange.

Without the client's static private key, Wireshark can decrypt neither the timestamp nor the response nor the
data: that key is part of every Diffie-Hellman but the first. So a useful key log always contains it, and must
be protected like the key itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wgmon_tui.checks.key_log import KeyLog, KeyLogFormat
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PrivateKey
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.text import printable


def noting_ephemerals(note: Callable[[str], None]) -> Callable[[], PrivateKey]:
    """A maker of one-time keys that notes each of them."""

    def make_ephemeral() -> PrivateKey:
        key = PrivateKey.generate()
        note(key.to_text())
        return key

    return make_ephemeral


def make_key_log(target: Target, ephemerals: Iterable[str]) -> KeyLog:
    """Make the key log. `ephemerals` are the one-time keys of the initiations in base64, in their order."""
    written = [
        f"LOCAL_STATIC_PRIVATE_KEY = {target.private_key.to_text()}",
        f"REMOTE_STATIC_PUBLIC_KEY = {target.server.public_key}",
    ]
    for ephemeral in ephemerals:
        written.append(f"LOCAL_EPHEMERAL_PRIVATE_KEY = {ephemeral}")
        if target.preshared_key != NO_PRESHARED_KEY:
            # Wireshark applies it to the preceding ephemeral key.
            written.append(f"PRESHARED_KEY = {target.preshared_key.to_text()}")
    return KeyLog(KeyLogFormat.WIREGUARD, "\n".join([*written, ""]))


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
