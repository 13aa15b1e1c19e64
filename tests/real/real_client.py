"""A real client: wireguard-go with a key pair of its own, on the prober's machine.

Its UDP socket is in the namespace of the prober, so both take the same path. Its interface is in a namespace
of its own, so its inner addresses and routes disturb nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.real.namespaces import ip
from tests.real.wireguard_go import Device
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.net.addresses import Address, Interface

CLIENT_PORT = 30077
"""The source port of every real client; each has a namespace."""


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """What a wg-quick file says."""

    private_key: PrivateKey
    addresses: Sequence[Interface]
    server_key: PublicKey
    endpoint: tuple[Address, int]
    preshared_key: PresharedKey = NO_PRESHARED_KEY
    keepalive_s: int = 0
    mtu: int = 1420

    @property
    def shown_endpoint(self) -> str:
        """The endpoint as wg(8) writes it."""
        address, port = self.endpoint
        return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"

    def peer(self) -> str:
        """The [Peer] section."""
        preshared = (
            f"PresharedKey = {self.preshared_key.to_text()}\n"
            if self.preshared_key != NO_PRESHARED_KEY
            else ""
        )
        keepalive = f"PersistentKeepalive = {self.keepalive_s}\n" if self.keepalive_s else ""
        return (
            f"[Peer]\nPublicKey = {self.server_key}\n{preshared}Endpoint = {self.shown_endpoint}\n"
            f"AllowedIPs = 0.0.0.0/0, ::/0\n{keepalive}"
        )


@contextmanager
def connected(outer: str, inner: str, config: ClientConfig) -> Iterator[Device]:
    """A client whose UDP socket is in the namespace `outer` and whose interface is in `inner`."""
    device = Device(outer, config.private_key, CLIENT_PORT)
    try:
        device.configure(config.peer())
        ip(outer, f"link set dev {device.name} netns {inner}")
        versions = {each.version for each in config.addresses}
        nodad = {4: "", 6: "nodad"}
        ip(
            inner,
            "\n".join(
                (
                    f"link set dev {device.name} mtu {config.mtu} up",
                    *(
                        f"address add {each.ip} dev {device.name} {nodad[each.version]}"
                        for each in config.addresses
                    ),
                    *(
                        f"route add {'default' if version == 4 else '::/0'} dev {device.name}"
                        for version in versions
                    ),
                )
            ),
        )
        yield device
    finally:
        device.stop()
