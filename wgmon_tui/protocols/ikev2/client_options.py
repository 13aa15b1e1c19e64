"""What the client of IKEv2 shall do: whom to reach, as whom, and how far to go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.ikev2.child_payloads import ChildRequest
from wgmon_tui.protocols.ikev2.security_association import SaProposal
from wgmon_tui.protocols.ikev2.wire import Identification

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, CertificateRevocationList

    from wgmon_tui.protocols.ikev2.credentials import Credentials

IKE_PORT, NAT_PORT = 500, 4500


@dataclass(frozen=True, slots=True)
class PathEnds:
    """The addresses and ports of both ends, as this machine sees them. NAT detection compares them."""

    local: Address
    local_port: int
    remote: Address
    remote_port: int = IKE_PORT


@dataclass(frozen=True, slots=True)
class AuthenticationOptions:
    """How to authenticate both sides.

    `remote_id` is what the server must prove; None accepts any identity. `expected` are identities of which
    the certificate may name one instead. `authorities` issued the server's certificate. `at` is the Unix time
    at which certificates must be valid. Without `child`, no CHILD_SA is asked for where the server allows
    that (RFC 6023).
    """

    credentials: Credentials = field(repr=False)
    local_id: Identification
    remote_id: Identification | None
    authorities: tuple[Certificate, ...] = field(repr=False)
    at: float
    child: ChildRequest | None = None
    fallback_child: ChildRequest | None = None
    """What to ask for where the server does not know RFC 6023, which needs a CHILD_SA."""

    revocation_lists: tuple[CertificateRevocationList, ...] = field(default=(), repr=False)
    """Those of the authorities; without one of an authority, nothing of it counts as revoked."""

    is_eap_query: bool = False
    """Whether only the server's answer to a request for EAP is wanted. Nothing proves this side then."""

    @property
    def has_secret(self) -> bool:
        """Whether this side proves itself by a preshared key."""
        return hasattr(self.credentials, "secret")

    @property
    def has_eap(self) -> bool:
        """Whether this side proves itself by EAP, after the server has."""
        return hasattr(self.credentials, "password")


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """One session. `authentication` is None if it shall end after IKE_SA_INIT. `timeout` is per request."""

    proposals: tuple[SaProposal, ...]
    timeout: float = 5.0
    authentication: AuthenticationOptions | None = None
    redirected_from: Address | None = None
    """The server that sent the client to this gateway."""

    is_query: bool = False
    """Whether only the server's choice is wanted: the offer may hold algorithms that this client lacks."""
