"""An OpenVPN client profile as records: what a check needs of a .ovpn file.

Source of the directives: the manual page openvpn(8), version 2.6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

DEFAULT_PORT = 1194
DEFAULT_MTU_MAX = 1600
"""What a client takes of a pushed `tun-mtu` without `tun-mtu-max` (TUN_MTU_MAX_MIN of mtu.h)."""
DEFAULT_CIPHERS = ("AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305")
"""What `data-ciphers` is without a value of its own, and the word DEFAULT in it."""


class RemoteProto(Enum):
    """What carries the packets to a remote."""

    UDP = "udp"
    TCP = "tcp"


class WrapperKind(Enum):
    """How packets of the control channel are protected before TLS begins. The value is the directive."""

    PLAIN = "plain"
    TLS_AUTH = "tls-auth"
    TLS_CRYPT = "tls-crypt"
    TLS_CRYPT_V2 = "tls-crypt-v2"


@dataclass(frozen=True, slots=True)
class Wrapper:
    """The protection of the control channel.

    `key` is the static key of 256 bytes: two pairs of a cipher key and an HMAC key, 64 bytes each. For
    tls-crypt-v2 it is the client's key, and `wrapped_key` is the blob WKc that goes to the server.
    `direction` is that of the client, 0 or 1; None uses one HMAC key for both directions. Only tls-auth has
    a choice. `digest` is the HMAC of tls-auth, by the name that OpenVPN gives it.
    """

    kind: WrapperKind = WrapperKind.PLAIN
    key: bytes = field(default=b"", repr=False)
    wrapped_key: bytes = field(default=b"", repr=False)
    direction: int | None = None
    digest: str = "SHA1"


PLAIN_WRAPPER = Wrapper()


@dataclass(frozen=True, slots=True)
class Remote:
    """One server of a profile. `version` is the only IP version to use: 4, 6, or None for both.

    `wrapper` is that of its `<connection>` block, or of the whole profile. `line` is where it stands.
    """

    host: str
    port: int = DEFAULT_PORT
    transport: RemoteProto = RemoteProto.UDP
    version: int | None = None
    wrapper: Wrapper = PLAIN_WRAPPER
    exit_notify: int = 0
    line: int = 0


class NameMatch(Enum):
    """What `verify-x509-name` compares. The value is the word in the profile."""

    NAME = "name"
    """The common name of the certificate is the text."""
    PREFIX = "name-prefix"
    """The common name begins with the text."""
    SUBJECT = "subject"
    """The whole subject is the text, as in "C=DE, CN=server"."""


@dataclass(frozen=True, slots=True)
class ServerName:
    """What the certificate of the server must be named: `verify-x509-name`."""

    text: str
    match: NameMatch = NameMatch.SUBJECT


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password. The repr hides both. Without a password, somebody must type it."""

    username: str = field(repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StaticChallenge:
    """`static-challenge`: a question for a second factor, whose answer goes with the password.

    `is_concatenated` appends the answer to the password; else both are sent as "SCRV1:…".
    """

    text: str
    echo: bool = False
    is_concatenated: bool = False


class Compression(Enum):
    """The framing of data packets that a compression directive adds, even if nothing is compressed.

    Source: OpenVPN, src/openvpn/comp.h.
    """

    NONE = "none"
    """No directive: no framing."""
    LZO = "lzo"
    """`comp-lzo`: one byte before the payload, 0xFA if it is not compressed."""
    STUB = "stub"
    """`compress` without algorithm, with stub or lz4: 0xFB, and the first byte of the payload at its end."""
    STUB_V2 = "stub-v2"
    """`compress stub-v2` and lz4-v2: nothing, unless the payload begins with 0x50."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A client profile, complete: the files that it names are in it.

    `ca`, `certificate`, `extra_certificates` and `crl` are PEM; `private_key` is PEM and may be encrypted.
    `pkcs12` is the archive in place of these. `peer_fingerprints` are SHA-256 sums that may stand in place of
    `ca`. `fragment_size` is that of `fragment`, 0 without. `tls_version_min` is "1.2" or alike, "" for the
    library's own. `certificate_usage` is the extended key usage that the server's certificate needs:
    "server", "client" or "". `key_usages` are bits as in `remote-cert-ku`, of which it needs all of one word;
    0 asks for the extension alone. `data_ciphers` are in the order of preference, by the names of OpenVPN.
    `tun_mtu_max` limits the `tun-mtu` that the server pushes. `peer_variables` are `setenv UV_…` and IV_… for
    the peer information. `notices` are lines about what a check ignores. `untested` are directives by which a
    client may refuse a server, and that a check does not obey.
    """

    remotes: tuple[Remote, ...]
    ca: str = ""
    certificate: str = ""
    private_key: str = field(default="", repr=False)
    pkcs12: bytes = field(default=b"", repr=False)
    extra_certificates: str = ""
    crl: str = ""
    peer_fingerprints: tuple[str, ...] = ()
    server_name: ServerName | None = None
    certificate_usage: str = ""
    key_usages: tuple[int, ...] = ()
    tls_version_min: str = ""
    tls_version_max: str = ""
    tls_cipher: str = ""
    tls_ciphersuites: str = ""
    tls_groups: str = ""
    tls_cert_profile: str = ""
    data_ciphers: tuple[str, ...] = DEFAULT_CIPHERS
    data_ciphers_fallback: str = ""
    cipher: str = ""
    auth: str = "SHA1"
    compression: Compression = Compression.NONE
    needs_credentials: bool = False
    credentials: Credentials | None = field(default=None, repr=False)
    challenge: StaticChallenge | None = None
    device: str = "tun"
    tun_mtu: int = 1500
    tun_mtu_max: int = DEFAULT_MTU_MAX
    fragment_size: int = 0
    peer_variables: tuple[tuple[str, str], ...] = ()
    key_password: str | None = field(default=None, repr=False)
    notices: tuple[str, ...] = ()
    untested: tuple[str, ...] = ()

    @property
    def has_client_certificate(self) -> bool:
        """Whether the client proves itself with a certificate."""
        return bool(self.certificate or self.pkcs12)

    def find_remote(self, host: str, port: int, transport: RemoteProto | None = None) -> Remote | None:
        """The first remote with this endpoint; None if the profile does not name it."""
        named = (each for each in self.remotes if (each.host.lower(), each.port) == (host.lower(), port))
        return next((each for each in named if transport in (None, each.transport)), None)
