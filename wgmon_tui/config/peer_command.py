"""The command that makes an identity a peer of a server: one line to type there as root."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.net.addresses import Interface
from wgmon_tui.records import dataclass
from wgmon_tui.text import quoted

USUAL_INTERFACE = "wg0"

_INTERFACE = re.compile(r"[A-Za-z0-9_=+.-]{1,15}")
"""The names that wg-quick accepts."""


@dataclass(frozen=True, slots=True)
class PeerCommand:
    """The commands for a server's root account that admit the public key of an identity.

    `addresses` are the tunnel addresses of the identity. With `has_preshared_key`, the first command reads
    that key from its standard input, so that it stands in no list of processes and in no shell history.
    """

    public_key: PublicKey
    addresses: Sequence[Interface] = ()
    has_preshared_key: bool = False
    interface: str = USUAL_INTERFACE
    program: str = "wg"
    """`wg`, or `awg` for AmneziaWG."""

    @property
    def line(self) -> str:
        """The line that works at once, until the interface restarts.

        allowed-ips moves an address from the peer that has it. So it names single hosts, and is left out
        without an address: a handshake needs none.
        """
        words = [self.program, "set", self.interface, "peer", str(self.public_key)]
        if self.has_preshared_key:
            words += ["preshared-key", "/dev/stdin"]
        if self.addresses:
            words += ["allowed-ips", ",".join(f"{each.ip}/{each.max_prefixlen}" for each in self.addresses)]
        return " ".join(words)

    @property
    def removal_line(self) -> str:
        """The line that removes the peer again."""
        return f"{self.program} set {self.interface} peer {self.public_key} remove"

    @property
    def save_line(self) -> str:
        """The line that keeps the peer after a restart of an interface that wg-quick manages."""
        return f"{self.program}-quick save {self.interface}"


def parse_interface_name(text: str) -> str:
    """The name of a WireGuard interface. Raises InvalidValueError."""
    if not _INTERFACE.fullmatch(text) or text.startswith("-") or text in (".", ".."):
        raise InvalidValueError(f'expected the name of an interface such as "wg0", got {quoted(text)}')
    return text
