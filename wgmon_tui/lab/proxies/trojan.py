"""An embedded Trojan server (trojan-gfw/trojan, docs/protocol.md).

To who has another password it shows a web site, as real ones do: port, TLS and HTTP look healthy.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import tempfile
from pathlib import Path

from wgmon_tui.lab.openvpn.certificates import LabCertificate
from wgmon_tui.lab.proxies.relay import LabProxyServer, copy, parse_place
from wgmon_tui.net.addresses import Endpoint

_HASH_BYTES = 56
_CRLF = b"\r\n"
_SITE = b"<!doctype html><title>Welcome</title><h1>It works!</h1>"
_LENGTH = b"Content-Length: %d" % len(_SITE)
_FALLBACK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + _LENGTH + _CRLF + _CRLF + _SITE


class LabTrojanServer(LabProxyServer):
    """A Trojan server with TLS."""

    def __init__(
        self, page: Endpoint, password: str, certificate: LabCertificate, *, latency: float = 0.0
    ) -> None:
        super().__init__(page, latency=latency, tls=_make_context(certificate))
        self._hash = hashlib.sha224(password.encode()).hexdigest().encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect to the address of a request, or show the web site."""
        began = await reader.read(1 << 14)
        if not began.startswith(self._hash + _CRLF):
            await asyncio.sleep(self._latency)
            writer.write(_FALLBACK)
            return
        request = began[_HASH_BYTES + len(_CRLF) + 1 :]
        place, length = parse_place(request)
        far_reader, far_writer = await self.connect(place)
        far_writer.write(request[length + len(_CRLF) :])
        forward = asyncio.create_task(copy(reader, far_writer))
        try:
            await copy(far_reader, writer)
        finally:
            forward.cancel()
            far_writer.close()


def _make_context(certificate: LabCertificate) -> ssl.SSLContext:
    """The server's side of TLS. The standard library reads certificates from files only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "server.pem")
        file.touch(0o600)
        file.write_text(certificate.certificate + certificate.key)
        context.load_cert_chain(file)
    return context
