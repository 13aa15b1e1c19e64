"""The causes of failures of IKEv2: what each is, why it is likely, and what to type."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.ikev2.client_options import IKE_PORT, NAT_PORT
from wgmon_tui.protocols.ikev2.proposals import ProposalError, parse_proposal
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings

LIST_CONFIGURATION = "on the server: swanctl --list-conns"
LOG = "on the server: journalctl -u strongswan -n 50"


def silence(server: Server) -> list[Cause]:
    """Nothing came back. Silence shows no cause."""
    port = server.endpoint.port
    return [
        Cause(
            f"a firewall on the path drops UDP port {port}",
            "IKE servers answer strangers: silence means that something dropped a packet",
            _capture(port, NAT_PORT),
        ),
        Cause(
            "the IKE daemon is stopped, or listens elsewhere",
            "nothing came back, not even an ICMP error",
            f"on the server: ss -lnup | grep :{port}",
        ),
        Cause(
            "the server blocks this address for a while",
            "strongSwan ignores an address with five sessions half open (charon.block_threshold)",
            LOG,
        ),
    ]


def _capture(port: int, other: int) -> str:
    return f"on the server: tcpdump -ni any 'udp port {port} or udp port {other}'"


def port_blocked(port: int, other: int) -> Cause:
    """One of the two ports is blocked: proven by an answer on the other."""
    return Cause(
        f"a firewall drops UDP port {port}",
        f"the server answers on port {other}",
        _capture(port, other),
        proven=True,
    )


def large_request_lost(size: str, *, can_fragment: bool) -> Cause:
    """IKE_AUTH is lost although both ports pass."""
    why = f"small packets pass port 4500; the request had {size} bytes"
    if not can_fragment:
        why += ", and the server does not know IKE fragmentation"
    return Cause(
        "the path drops fragments of large IKE_AUTH messages",
        why,
        "on the server: set fragmentation = yes for the connection in swanctl.conf",
    )


def delayed_refusal() -> Cause:
    """The server has begun EAP, and then was silent."""
    return Cause(
        "the RADIUS server behind it does not answer, or it delays the refusal of a wrong password",
        "it had proved itself and begun EAP",
        LOG,
    )


def late_session(why: str) -> Cause:
    """The server works on IKE_AUTH, or drops it."""
    return Cause("the server drops IKE_AUTH, or waits for something such as a RADIUS server", why, LOG)


def cipher_mismatch(accepted: str, settings: Ikev2Settings) -> list[Cause]:
    """The server accepts none of the offered proposals; `accepted` is one that it would, if known."""
    where = "proposals of servers.toml" if settings.proposals else "the default proposals of wgmon-tui"
    if accepted and not is_possible(accepted):
        return [
            Cause(
                f"the server accepts {accepted}, which wgmon-tui does not have",
                "it chose that out of everything that has a name",
                "on the server: add a current proposal, such as aes256-sha256-ecp256, beside it",
                proven=True,
            )
        ]
    if accepted:
        return [
            Cause(
                f"the server accepts {accepted}, which {where} lack",
                "it chose that out of everything that has a name",
                f'in servers.toml, below [server.ikev2]: proposals = ["{accepted}"]',
                proven=True,
            )
        ]
    return [
        Cause(
            "the server has no IKEv2 connection for this address",
            "strongSwan answers NO_PROPOSAL_CHOSEN too where no connection fits, and where all are for IKEv1",
            LIST_CONFIGURATION,
        ),
        Cause(
            "the server accepts only algorithms that have no name here",
            f"it refused {where}, and all that have a name",
            LIST_CONFIGURATION,
        ),
    ]


def is_possible(words: str) -> bool:
    """Whether this client can offer a proposal."""
    try:
        parse_proposal(words)
    except ProposalError:
        return False
    return True


def refused_identity(local_id: str, settings: Ikev2Settings) -> list[Cause]:
    """The server refused IKE_AUTH. It does not say why."""
    unknown = Cause(
        f"the server has no connection for the identity {local_id}",
        "AUTHENTICATION_FAILED is the answer to an unknown identity",
        LIST_CONFIGURATION,
    )
    demanding = Cause(
        "the connection demands more: a second authentication, a group or a policy",
        "AUTHENTICATION_FAILED is the answer to that too",
        LOG,
    )
    if settings.secret:
        why = "AUTHENTICATION_FAILED is the answer to a wrong secret too"
        return [Cause(f"the server has another preshared key for {local_id}", why, LOG), unknown, demanding]
    if settings.certificate:
        refused = Cause(
            "the server does not accept the certificate: expired by its clock, revoked, of another "
            "authority, or one between them is missing",
            "AUTHENTICATION_FAILED is the answer to that too",
            "openssl x509 -noout -dates -issuer -in CERTIFICATE",
        )
        return [refused, unknown, demanding]
    return [unknown]


def unnamed_local_id(local_id: str) -> Cause:
    """The certificate of this side lacks the identity that it claims."""
    return Cause(
        f"the certificate of this check does not name {local_id}, which is its local_id",
        "servers accept an identity only if the certificate names it: strongSwan, for example",
        "openssl x509 -noout -subject -ext subjectAltName -in CERTIFICATE",
    )


def wrong_remote_id(configured: str, identity: str) -> Cause:
    """Only remote_id was wrong."""
    return Cause(
        f"remote_id is wrong: the server is {identity}",
        f"it refused {configured or 'the host of the endpoint'}, and proved itself as {identity}",
        f'in servers.toml, below [server.ikev2]: remote_id = "{identity}"',
        proven=True,
    )


def wants_eap() -> Cause:
    """The server wants EAP from this identity."""
    return Cause(
        "the server wants EAP from this identity, not a preshared key or a certificate",
        "it began EAP when this side gave no proof",
        "in servers.toml, below [server.ikev2]: eap_user and eap_password_file",
        proven=True,
    )


def only_identity_refused(local_id: str) -> Cause:
    """The preshared key is right, and the identity is not."""
    return Cause(
        f"the server has another preshared key for {local_id}, or refuses that identity",
        "it accepted the same preshared key from a made-up identity",
        LIST_CONFIGURATION,
        proven=True,
    )


def other_identity(identity: str, expected: str) -> list[Cause]:
    """The server proved itself as somebody else."""
    return [
        Cause(
            f"remote_id is {expected}, and the server is {identity}",
            "its certificate verified, but for another name",
            f'in servers.toml, below [server.ikev2]: remote_id = "{identity}"',
        ),
        Cause("another server answers at this address", "the name is not the expected one", LOG),
    ]


def eap(code: str, offered: str, user: str) -> Sequence[Cause]:
    """EAP ended without success."""
    if offered:
        return [
            Cause(
                f"the server wants {offered}, and wgmon-tui has EAP-MSCHAPv2",
                "it offered that method",
                "on the server: set auth = eap-mschapv2 for the connection",
                proven=True,
            )
        ]
    codes = {"646": "logon hours", "647": "the account is disabled", "648": "the password has expired"}
    if code in codes:
        return [Cause(f"{codes[code]}: {user}", f"the server gave error {code}", LOG, proven=True)]
    password = Cause(
        f"the password of {user} is wrong, or the server does not know this user",
        "the server checked the user after it had proved itself; it does not tell the two apart",
        LOG,
    )
    if code:
        return [password]
    method = Cause(
        f"the server has no EAP method for {user}, or refuses this user before it asks for a password",
        "it gave no error code, as MSCHAPv2 does for a wrong password",
        LIST_CONFIGURATION,
    )
    return [password, method]


def shared_identity() -> Cause:
    """Nobody has said that the identity is dedicated."""
    return Cause(
        "servers.toml does not say that no real client uses this identity",
        "with uniqueids, a check would end the session of the client with the same identity",
        "in servers.toml, below [server.ikev2], once the identity is the monitor's own: dedicated = true",
        proven=True,
    )


def no_credentials() -> Cause:
    """There is nothing to authenticate with."""
    return Cause(
        "this check has no credentials for the server",
        "IKE_SA_INIT proves that a daemon answers, and not who it is",
        "in servers.toml, below [server.ikev2]: local_id and secret_file, for example",
        proven=True,
    )


def stopped_service(server: Server) -> Cause:
    """Something else answers."""
    return Cause(
        "another service listens on this port, or a daemon of IKEv1 only",
        "its answers are no messages of IKEv2",
        f"on the server: ss -lnup | grep :{server.endpoint.port}",
    )


def blocked_nat_port() -> Cause:
    """Port 4500 may be blocked; nothing has tried it alone yet."""
    return Cause(
        "a firewall drops UDP port 4500",
        "IKE_AUTH goes there, and IKE_SA_INIT to port 500",
        _capture(IKE_PORT, NAT_PORT),
    )


def closed_nat_port() -> Cause:
    """The server listens on port 500 only."""
    return Cause(
        "the IKE daemon does not listen on port 4500, or the firewall of the server rejects it",
        "the server itself reports that nothing listens there",
        "on the server: ss -lnup | grep -w 4500",
        proven=True,
    )


def refused_nat_port(why: str) -> Cause:
    """The path refuses port 4500."""
    return Cause("a firewall on the path rejects UDP port 4500", why, _capture(IKE_PORT, NAT_PORT))


def other_secret() -> Cause:
    """The server does not know the secret."""
    return Cause(
        "another server answers, which accepts every client",
        "it did not prove that it knows the secret or the password",
        LOG,
    )


def needs_secret() -> Cause:
    """The server uses a preshared key."""
    return Cause(
        "the connection on the server has auth = psk for itself",
        "its proof is by a preshared key",
        LIST_CONFIGURATION,
        proven=True,
    )


def silent_gateway(gateway: str) -> list[Cause]:
    """The server redirects, and the gateway that it names does not answer."""
    return [
        Cause(
            f"{gateway} is down, or its IKE daemon is",
            "the server that names it answers from there or nearby",
            f"on {gateway}: ss -lnup | grep -w 500",
        ),
        Cause(
            f"a firewall drops UDP port 500 to {gateway}",
            "nothing came back from there",
            _capture(IKE_PORT, NAT_PORT),
        ),
        Cause(
            f"{gateway} is not the address that clients reach it by",
            "the server was told where to send them",
            LIST_CONFIGURATION,
        ),
    ]


def redirected(gateway: str) -> Cause:
    """The server sends clients elsewhere."""
    return Cause(
        f"clients of this server use {gateway}",
        "it answered IKE_SA_INIT with REDIRECT",
        f"add {gateway} to servers.toml",
        proven=True,
    )
