"""Two ends of TLS in memory."""

from __future__ import annotations

import ssl
from contextlib import suppress

from tests.protocols.openvpn.certificates import Issued
from wgmon_tui.protocols.openvpn.tls_context import readable_path
from wgmon_tui.protocols.openvpn.tls_exporter import find_server_random


def server_context(issued: Issued, ca: str = "") -> ssl.SSLContext:
    """The context of a server, which asks for a client certificate of this authority if there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with readable_path(issued.certificate.encode()) as path, readable_path(issued.key.encode()) as key:
        context.load_cert_chain(path, key)
    if ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=ca)
    return context


class MemoryTls:
    """Client and server, joined by buffers."""

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext) -> None:
        self._to_client, self._to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._from_client, self._from_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self._to_client, self._from_client)
        self.server = server.wrap_bio(self._to_server, self._from_server, server_side=True)
        self.server_random = b""

    def shake_hands(self) -> None:
        """Carry bytes until both have completed."""
        for _ in range(6):
            for side in (self.client, self.server):
                with suppress(ssl.SSLWantReadError):
                    side.do_handshake()
                self._to_server.write(self._from_client.read())
                sent = self._from_server.read()
                self.server_random = self.server_random or find_server_random(sent)
                self._to_client.write(sent)
