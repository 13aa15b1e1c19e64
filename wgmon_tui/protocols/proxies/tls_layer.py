"""TLS as a layer of a stream: the standard library does the protocol between two buffers."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from functools import lru_cache

from wgmon_tui.config.http_targets import certificate_bytes
from wgmon_tui.net.tls_chain import find_chain, find_passed_end
from wgmon_tui.net.tls_trust import accept_as_curl
from wgmon_tui.protocols.proxies.stream_layers import LayerOutput, StreamLayerError

_CHUNK = 16 * 1024
_CONTEXTS = 32


class TlsLayer:
    """TLS as a client. It proves who the server is by its certificate, but not that it is the proxy."""

    is_open = False
    is_proven = False
    may_be_direct = False

    def __init__(
        self, name: str, context: ssl.SSLContext, server_name: str, pinned_sha256: Sequence[bytes] = ()
    ) -> None:
        """`server_name` is asked for (SNI) and checked. A pin names the only certificates to accept."""
        self.name = name
        self._pins = frozenset(pinned_sha256)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.expired_certificate: bytes | None = None
        """The certificate of the server in DER, if it was refused because it has ended."""
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)

    @property
    def certificate(self) -> bytes | None:
        """The certificate of the server in DER; None before the handshake."""
        return self._object.getpeercert(binary_form=True) if self.is_open else None

    @property
    def version(self) -> str:
        """The version of TLS, such as TLSv1.3."""
        return self._object.version() or ""

    @property
    def alpn(self) -> str:
        """The protocol that both sides chose by ALPN; "" for none."""
        return self._object.selected_alpn_protocol() or ""

    def open(self) -> bytes:
        """The ClientHello."""
        self._shake_hands()
        return self._outgoing.read()

    def wrap(self, data: bytes) -> bytes:
        """Encrypt data."""
        self._object.write(data)
        return self._outgoing.read()

    def unwrap(self, received: bytes) -> LayerOutput:
        """Take records. Messages of the handshake come back as a reply."""
        self._incoming.write(received)
        data, is_over = bytearray(), False
        try:
            if not self.is_open:
                self._shake_hands()
            while self.is_open and not is_over:
                chunk = self._object.read(_CHUNK)
                data += chunk
                is_over = not chunk  # close_notify (RFC 8446 §6.1)
        except ssl.SSLWantReadError:
            pass  # nothing more for now
        except ssl.SSLError as error:
            raise self._failure(error) from None
        return LayerOutput(bytes(data), self._outgoing.read(), is_over)

    def _shake_hands(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            if find_passed_end(self._object, error) is not None:
                self.expired_certificate = next(iter(find_chain(self._object)), None)
            raise self._failure(error) from None
        except (ValueError, ssl.CertificateError) as error:
            raise StreamLayerError(self.name, "certificate", str(error)) from None
        if self._pins:
            found = hashlib.sha256(self._object.getpeercert(binary_form=True) or b"").digest()
            if found not in self._pins:
                raise StreamLayerError(self.name, "certificate", "the certificate is not the pinned one")
        self.is_open = True

    def _failure(self, error: ssl.SSLError) -> StreamLayerError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return StreamLayerError(self.name, "certificate", str(error.verify_message).rstrip("."))
        reason = (error.reason or "unknown").lower().replace("_", " ")
        return StreamLayerError(self.name, "alert" if "alert" in reason else "malformed", reason)


@lru_cache(_CONTEXTS)
def make_context(
    certificates: tuple[str, ...] = (), alpn: tuple[str, ...] = (), *, is_verified: bool = True
) -> ssl.SSLContext:
    """A context that trusts these certificates, or those of the system. Reading the latter takes 50 ms."""
    data = b"".join(map(certificate_bytes, certificates))
    context = ssl.create_default_context(cadata=data) if data else ssl.create_default_context()
    accept_as_curl(context)  # as proxy programs do: 3.13 alone would refuse authorities without identifiers
    if not is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
