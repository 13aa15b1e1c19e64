"""What the client of IKEv2 found out, in the order in which it happened.

`at` is seconds since the client began, `rtt` seconds. Texts of the server are safe to show.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network, IPv6Network

from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.ikev2.key_derivation import HmacPrf, Nonces, derive_child_keys
from wgmon_tui.protocols.ikev2.security_association import SaProposal


@dataclass(frozen=True, slots=True)
class CookieAsked:
    """The server wants its cookie back before it does any work: it is under load (RFC 7296 §2.6)."""

    at: float


@dataclass(frozen=True, slots=True)
class GroupAsked:
    """The server wants the key exchange in another group that was offered (RFC 7296 §1.3)."""

    at: float
    group: int


@dataclass(frozen=True, slots=True)
class SaInitAnswered:
    """The server chose a proposal and sent its key share.

    `client_has_nat` and `server_has_nat` tell whether addresses were translated on the way; None if unknown.
    """

    at: float
    rtt: float
    retransmits: int
    chosen: SaProposal
    is_childless: bool
    can_fragment: bool
    client_has_nat: bool | None
    server_has_nat: bool | None


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The server answered a request with an error notification. Only an encrypted one is authenticated."""

    at: float
    exchange: int
    notify: int


@dataclass(frozen=True, slots=True)
class Redirected:
    """The server sends its clients to another gateway (RFC 5685)."""

    at: float
    gateway: str


@dataclass(frozen=True, slots=True)
class RequestUnanswered:
    """No answer came in time. `size` is that of the largest datagram, `waited` is in seconds."""

    at: float
    exchange: int
    waited: float
    size: int


@dataclass(frozen=True, slots=True)
class MessageDropped:
    """A datagram that answers nothing, and why."""

    at: float
    reason: str
    size: int


class ServerFault(Enum):
    """Why the server is not proven to be the right one."""

    WRONG_IDENTITY = "wrong-identity"
    UNNAMED = "unnamed"
    """The certificate does not name the identity that the server claims."""

    CHAIN = "chain"
    BAD_SIGNATURE = "bad-signature"
    BAD_SECRET = "bad-secret"  # noqa: S105
    NO_SECRET = "no-secret"  # noqa: S105
    MALFORMED = "malformed"
    NO_PROOF = "no-proof"


@dataclass(frozen=True, slots=True)
class ServerRejected:
    """The server answered IKE_AUTH, but did not prove that it is the right one.

    With `expired_at`, in Unix seconds, the certificate of `identity` is refused because it has expired.
    """

    at: float
    fault: ServerFault
    detail: str = ""
    chain_fault: str = ""
    identity: str = ""
    expired_at: float | None = None


@dataclass(frozen=True, slots=True)
class ServerProven:
    """The proof of the server verified. Its certificate expires at `expires_at`, in Unix seconds.

    `not_looked_up` are subject and issuer of the certificates that no revocation list covers.
    """

    at: float
    identity: str
    method: str
    expires_at: float | None = None
    not_looked_up: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EapEnded:
    """The server ended EAP without success.

    `code` is the error of MSCHAPv2. `offered` is a method that this client does not have.
    """

    at: float
    code: int | None
    offered: int | None


@dataclass(frozen=True, slots=True)
class EapOffered:
    """The server wants EAP from this identity: the answer to a query without a proof."""

    at: float


@dataclass(frozen=True, slots=True)
class CannotAuthenticate:
    """This side cannot make a proof that the server takes."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class ChildSession:
    """The CHILD_SA that IKE_AUTH made: its SPIs and algorithms, what goes through, and its keys.

    `own_networks` and `server_networks` are those between which the server lets packets pass.
    """

    own_spi: bytes
    server_spi: bytes
    chosen: SaProposal
    addresses: tuple[Address, ...]
    name_servers: tuple[Address, ...]
    prf: HmacPrf
    nonces: Nonces = field(repr=False)
    derive: bytes = field(repr=False)
    own_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    server_networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def key_material(self, size: int) -> bytes:
        """KEYMAT: `size` bytes, the keys of this side's packets first (RFC 7296 §2.17)."""
        return derive_child_keys(self.prf, self.derive, self.nonces, size)


@dataclass(frozen=True, slots=True)
class Established:
    """Both sides are authenticated. `child` is None without one; `refusal` is the server's reason for that.

    `rtt` is the time of all exchanges of IKE_AUTH, with EAP.
    """

    at: float
    rtt: float
    child: ChildSession | None
    refusal: int | None


@dataclass(frozen=True, slots=True)
class IkeSessionEnded:
    """The session is over. `is_confirmed` tells whether the server confirmed that this side ended it."""

    at: float
    rtt: float | None
    is_confirmed: bool
    by_server: bool = False


Event = (
    CookieAsked
    | GroupAsked
    | SaInitAnswered
    | RequestRefused
    | Redirected
    | RequestUnanswered
    | MessageDropped
    | ServerRejected
    | ServerProven
    | EapEnded
    | EapOffered
    | CannotAuthenticate
    | Established
    | IkeSessionEnded
)
