"""The IKEv2 servers of the demo: healthy, with another secret, and with a certificate that expired.

Their ports are bound at once, so that the entries are complete. The servers are imported in a thread after
`start`: the dashboard appears as early as without them. Datagrams wait in the sockets until then.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wgmon_tui.config.models import SecretForm, SecretSource, Server
from wgmon_tui.lab.ikev2.sockets import bind
from wgmon_tui.lab.models import LabBehaviour
from wgmon_tui.lab.openvpn.certificates import LabAuthority, LabCertificate
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.ikev2.settings import NAME, Ikev2Settings

if TYPE_CHECKING:
    from wgmon_tui.lab.ikev2.server import LabIkeServer

_HOST = "127.0.0.1"
_INTERVAL_S, _TIMEOUT_S, _EVERY_S = 2.0, 1.5, 10.0
_MONITOR = "bastion@example.net"


@dataclass(frozen=True, slots=True)
class _Ikev2DemoServer:
    name: str
    latency: float
    has_other_secret: bool = False
    is_expired: bool = False

    @property
    def identity(self) -> str:
        return f"{self.name}.example.net"


_SERVERS = (
    _Ikev2DemoServer("ike-vie1", 0.013),
    _Ikev2DemoServer("ike-cph1", 0.022, has_other_secret=True),
    _Ikev2DemoServer("ike-lis1", 0.034, is_expired=True),
)


class Ikev2Demo:
    """These servers and their entries. The constructor binds the ports. Raises OSError."""

    def __init__(self) -> None:
        self._authority = LabAuthority()
        self._sockets: list[socket.socket] = []
        self._makers: list[Callable[[], LabIkeServer]] = []
        self._labs: list[LabIkeServer] = []
        self._starting: asyncio.Task[None] | None = None
        self.servers = tuple(map(self._make_entry, _SERVERS))

    def _make_entry(self, shown: _Ikev2DemoServer) -> Server:
        secret, bound = secrets.token_hex(16), bind(_HOST, 0)
        issued = self._authority.issue_server(shown.identity, is_expired=True) if shown.is_expired else None
        self._sockets.append(bound)
        self._makers.append(lambda: _make_server(shown, bound, secret.encode(), issued))
        authority = SecretSource(SecretForm.INLINE, self._authority.certificate)
        settings = Ikev2Settings(
            _MONITOR,
            shown.identity,
            SecretSource(SecretForm.INLINE, secret),
            ca=authority if shown.is_expired else None,
            dedicated=True,
        )
        return Server(
            shown.name,
            Endpoint(_HOST, bound.getsockname()[1]),
            tunnel_every=_EVERY_S,
            tags=("eu", NAME),
            interval=_INTERVAL_S,
            timeout=_TIMEOUT_S,
            protocol=NAME,
            protocol_settings=settings,
        )

    async def start(self) -> None:
        """Begin to answer soon."""
        self._starting = asyncio.create_task(self._open())

    async def stop(self) -> None:
        """Stop answering and close the ports."""
        if self._starting is not None:
            self._starting.cancel()
            with suppress(asyncio.CancelledError):
                await self._starting
        for lab in self._labs:
            await lab.stop()
        for each in self._sockets:
            each.close()

    async def _open(self) -> None:
        self._labs = await asyncio.to_thread(lambda: [make() for make in self._makers])
        for lab in self._labs:
            await lab.start()


def _make_server(
    shown: _Ikev2DemoServer, bound: socket.socket, secret: bytes, issued: LabCertificate | None
) -> LabIkeServer:
    from wgmon_tui.lab.ikev2.responder import LabIkeSetup
    from wgmon_tui.lab.ikev2.server import LabIkeServer
    from wgmon_tui.protocols.ikev2.credentials import parse_certificate_key

    setup = LabIkeSetup(shown.identity, secrets.token_bytes(16) if shown.has_other_secret else secret)
    if issued is not None:
        setup.certificate = parse_certificate_key(issued.certificate.encode(), issued.key.encode())
    behaviour = LabBehaviour(latency=shown.latency, jitter=shown.latency / 20)
    return LabIkeServer(setup, behaviour, bound=bound)
