"""The IKEv2 servers of the demo: healthy, with another secret, and with a certificate that expired."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from wgmon_tui.config.models import SecretForm, SecretSource, Server
from wgmon_tui.lab.ikev2.responder import LabIkeSetup
from wgmon_tui.lab.ikev2.server import LabIkeServer
from wgmon_tui.lab.models import LabBehaviour
from wgmon_tui.lab.openvpn.certificates import LabAuthority
from wgmon_tui.protocols.ikev2.credentials import parse_certificate_key
from wgmon_tui.protocols.ikev2.settings import NAME, Ikev2Settings

_INTERVAL_S, _TIMEOUT_S, _EVERY_S = 2.0, 1.5, 10.0
_MONITOR = "bastion@example.net"


@dataclass(frozen=True, slots=True)
class _Ikev2DemoServer:
    name: str
    latency: float
    has_other_secret: bool = False
    is_expired: bool = False


_SERVERS = (
    _Ikev2DemoServer("ike-vie1", 0.013),
    _Ikev2DemoServer("ike-cph1", 0.022, has_other_secret=True),
    _Ikev2DemoServer("ike-lis1", 0.034, is_expired=True),
)


class Ikev2Demo:
    """These servers and their entries. The constructor binds the ports. Raises OSError."""

    def __init__(self) -> None:
        authority = LabAuthority()
        self._labs: list[LabIkeServer] = []
        self.servers = tuple(self._make(each, authority) for each in _SERVERS)

    def _make(self, shown: _Ikev2DemoServer, authority: LabAuthority) -> Server:
        secret, identity = secrets.token_hex(16), f"{shown.name}.example.net"
        setup = LabIkeSetup(identity, secret.encode())
        if shown.has_other_secret:
            setup.secret = secrets.token_bytes(16)
        if shown.is_expired:
            issued = authority.issue_server(identity, is_expired=True)
            setup.certificate = parse_certificate_key(issued.certificate.encode(), issued.key.encode())
        lab = LabIkeServer(setup, LabBehaviour(latency=shown.latency, jitter=shown.latency / 20))
        self._labs.append(lab)
        settings = Ikev2Settings(
            _MONITOR,
            identity,
            SecretSource(SecretForm.INLINE, secret),
            ca=SecretSource(SecretForm.INLINE, authority.certificate) if shown.is_expired else None,
            dedicated=True,
        )
        return Server(
            shown.name,
            lab.endpoint,
            tunnel_every=_EVERY_S,
            tags=("eu", NAME),
            interval=_INTERVAL_S,
            timeout=_TIMEOUT_S,
            protocol=NAME,
            protocol_settings=settings,
        )

    async def start(self) -> None:
        """Start to answer."""
        for lab in self._labs:
            await lab.start()

    async def stop(self) -> None:
        """Stop answering and close the ports."""
        for lab in self._labs:
            await lab.stop()
