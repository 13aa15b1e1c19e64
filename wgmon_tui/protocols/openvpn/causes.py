"""Possible causes of each failure of an OpenVPN server, the likeliest first, with what to type."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.context_evidence import NeighboursFailed, WorkedUntil
from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.observations import describe, find, find_all, values_of

SERVER_LOG = "on the server: journalctl -u 'openvpn*' --since -10min"
_EXPIRED, _EARLY = ("10", "9")
_REVOKED, _CRL_EXPIRED, _CRL_EARLY, _CRL_FORGED, _WRONG_PURPOSE = "23", "12", "11", "8", "26"
_CRL_UNUSABLE = ("35", "36", "44")
_UNKNOWN_ISSUER = ("18", "19", "20", "21", "2")
"""X509_V_ERR_… of OpenSSL, x509_vfy.h."""

_NEW_LIST = "on the machine of the authority: easyrsa gen-crl"


def of_silence(server: Server, wrapping: str, transport: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """Why a reset gets no answer. What an experiment disproved is left out."""
    tried = find(observations.NO_VARIATION, evidence)
    disproved = tried.values if tried else ()
    port, name = server.endpoint.port, transport.upper()
    if has_listener(evidence):
        listener = Cause(
            f"another program than OpenVPN listens on port {port}",
            "something there answers, but not as OpenVPN does",
            f"on the server: ss -lntup | grep {port}",
            "other-program",
        )
        keys = [each for each in _of_keys(wrapping) if each.hypothesis not in disproved]
        return [*keys, no_room(), listener]
    general = [
        Cause(
            "the server is stopped, or listens on another port",
            "a stopped server answers nothing where a firewall drops the ICMP error",
            f"on the server: ss -lntup | grep {port}",
            "stopped",
        ),
        Cause(
            f"a firewall drops {name} packets to port {port}",
            "packets that are dropped look like a server that is stopped",
            f"on the server: tcpdump -ni any port {port}",
            "firewall",
        ),
    ]
    if others := find(observations.NO_OTHER_REMOTE, evidence):
        near = Cause(
            "something near this machine drops OpenVPN, or all servers of the profile are down",
            describe(others),
            f"tcpdump -ni any port {port}",
            "no-remote",
        )
        general.insert(0, near)
    keys = [each for each in _of_keys(wrapping) if each.hypothesis not in disproved]
    if find(observations.OTHER_REMOTE, evidence) and wrapping != "plain":
        keys = []  # all remotes of a profile have the same key
    if "proto" not in disproved:
        other = "TCP" if name == "UDP" else "UDP"
        keys.append(
            Cause(
                f"the server speaks {other} on this port, the profile {name}",
                f"a server for {other} does not see {name} packets",
                f"on the server: grep proto /etc/openvpn/server/*.conf; ss -lntup | grep {port}",
                "proto",
            )
        )
    worked = first_of_kind(WorkedUntil, evidence) or first_of_kind(NeighboursFailed, evidence)
    if worked or wrapping == "plain":
        return [*general, *keys, no_room()]
    return [*keys[:1], *general, *keys[1:], no_room()]


def no_room() -> Cause:
    """The server takes no new session now, and says nothing: mudp.c and multi.c drop the packet."""
    return Cause(
        "the server has as many clients as max-clients allows, or limits new ones (connect-freq)",
        "a server without room for another client drops its packets without a word",
        "on the server: journalctl -u 'openvpn*' | grep -E 'maximum number of clients|connection frequency'",
        "no-room",
    )


def has_listener(evidence: Sequence[Evidence]) -> bool:
    """Whether something listens on the port: a TCP connection, or bytes that came back."""
    tcp = find(observations.TCP, evidence)
    is_connected = tcp is not None and tcp.values[:1] == (observations.CONNECTED,)
    return is_connected or find(observations.REJECTED, evidence) is not None


def _of_keys(wrapping: str) -> list[Cause]:
    if wrapping == "plain":
        return [
            Cause(
                "the server demands tls-auth, tls-crypt or tls-crypt-v2, and the profile has none",
                "a server with such a key answers nothing without it",
                "on the server: grep -E 'tls-(auth|crypt)' /etc/openvpn/server/*.conf",
                "key",
            )
        ]
    found = [
        Cause(
            f"the {wrapping} key of the profile is not that of the server",
            "a server answers nothing to a packet that it cannot authenticate",
            "on the server: journalctl -u 'openvpn*' | grep -E 'HMAC|unwrap|authentication failed'",
            "key",
        )
    ]
    if wrapping == "tls-auth":
        found += [
            Cause(
                "key-direction of the profile and of the server do not fit",
                "one side needs 0 and the other 1, or neither side has a direction",
                "on the server: grep -E 'key-direction|tls-auth' /etc/openvpn/server/*.conf",
                "key-direction",
            ),
            Cause(
                "auth of the profile is not that of the server",
                "tls-auth signs with the digest that auth names, SHA1 by default",
                "on the server: grep '^auth ' /etc/openvpn/server/*.conf",
                "auth",
            ),
        ]
    return found


def of_variation(evidence: Sequence[Evidence]) -> list[Cause]:
    """What an experiment proved."""
    found = []
    for each in find_all(observations.VARIATION, evidence):
        setting, tried, own = values_of(each, 3)
        found.append(
            Cause(
                f"the server expects {setting} {tried}; the profile has {own}",
                "the same packet with this one difference was answered",
                f"In the profile, set {setting} to {tried}.",
                setting,
                proven=True,
            )
        )
    return found


def of_server_certificate(evidence: Sequence[Evidence]) -> list[Cause]:
    """Why this side does not accept the server's certificate."""
    if mismatch := find(observations.MISMATCH, evidence):
        return [_of_mismatch(*values_of(mismatch, 3))]
    failed = find(observations.TLS_FAILED, evidence)
    code = values_of(failed, 4)[2] if failed else ""
    shown = find(observations.UNVERIFIED, evidence)
    why = "; ".join(describe(each) for each in (failed, shown) if each)
    authority = [each for each in find_all(observations.DATES, evidence) if each.values[:1] == ("authority",)]
    clock = _of_clocks(why, evidence)
    if authority:
        fix = "Renew the authority, and put its new certificate into <ca> of every profile."
        expired = Cause("the certificate of the authority has expired", describe(authority[0]), fix)
        return [*clock[:1], expired] if is_clock_wrong(evidence) else [expired, *clock]
    show = "on the server: openssl x509 -noout -dates -subject -issuer -in server.crt"
    if code in (_EXPIRED, _EARLY):
        word = "has expired" if code == _EXPIRED else "is not valid yet"
        dated = Cause(f"the certificate of the server {word}", why, show)
        return [*clock, dated] if is_clock_wrong(evidence) else [dated, *clock]
    if code in _UNKNOWN_ISSUER:
        return [
            Cause(
                "the server's certificate is from another authority than the profile's",
                why,
                show,
            ),
            Cause(
                "another server answers at this address",
                "it has a certificate of another authority",
                show,
            ),
        ]
    if code == _REVOKED:
        cause = "the certificate of the server, or of an authority above it, is revoked"
        return [Cause(cause, why, show, proven=True)]
    if code == _CRL_EXPIRED:
        fix = f"{_NEW_LIST} — put the new list into the profile, then reload wgmon-tui"
        return [Cause("the revocation list of the profile has expired", why, fix, proven=True)]
    if code == _CRL_EARLY:
        early = Cause("the revocation list of the profile is not valid yet", why, "date -u")
        return [*clock, early]
    if code == _CRL_FORGED:
        fix = f"{_NEW_LIST} — put this list into the profile"
        return [Cause("the revocation list of the profile is of another authority", why, fix, proven=True)]
    if code in _CRL_UNUSABLE:
        fix = f"{_NEW_LIST} — put this full list into the profile"
        return [Cause("the revocation list of the profile cannot be used", why, fix, proven=True)]
    if code == _WRONG_PURPOSE:
        return [Cause("the server's certificate is not one for a server", why, show, proven=True)]
    return [Cause("the server's certificate, or the ca of the profile, is damaged or too weak", why, show)]


def is_clock_wrong(evidence: Sequence[Evidence]) -> bool:
    """Whether the server told a time that is far from the one here."""
    ahead = _seconds_ahead(evidence)
    return ahead is not None and abs(ahead) > observations.CLOCK_TOLERANCE_S


def is_clock_right(evidence: Sequence[Evidence]) -> bool:
    """Whether the server told the time, and it is the one here."""
    return _seconds_ahead(evidence) is not None and not is_clock_wrong(evidence)


def _seconds_ahead(evidence: Sequence[Evidence]) -> float | None:
    answered = find(observations.ANSWERED, evidence)
    return observations.read_number(values_of(answered, 3)[2]) if answered else None


def _of_clocks(why: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """The clock as a cause. Where both sides tell the same time, it is none."""
    if is_clock_right(evidence):
        return []
    if not is_clock_wrong(evidence):
        return [Cause("the clock of this machine is wrong", why, "timedatectl", "clock")]
    differ = describe(find(observations.ANSWERED, evidence))
    return [Cause("the clock of this machine, or of the server, is wrong", differ, "timedatectl", "clock")]


def _of_mismatch(kind: str, expected: str, found: str) -> Cause:
    why = f"the profile expects {expected}, the server has {found}"
    if kind == "data-ciphers":
        return Cause(
            "the profile does not allow the cipher of the server",
            why,
            "In the profile, add it to data-ciphers.",
        )
    return Cause(
        f"{kind} of the profile does not fit the certificate of the server",
        why,
        "on the server: openssl x509 -noout -subject -ext extendedKeyUsage -in server.crt",
        proven=True,
    )


def of_missing_list(evidence: Sequence[Evidence]) -> list[Cause]:
    """Why it is not known whether a certificate of the server is revoked."""
    return [
        Cause(
            f"crl-verify of the profile has no list of {values_of(each, 2)[1]}",
            "OpenVPN accepts the certificate then, with a VERIFY WARNING in its log",
            f"{_NEW_LIST} — put this list into <crl-verify> too",
            proven=True,
        )
        for each in find_all(observations.NOT_LOOKED_UP, evidence)
    ]


def of_auth_failed(evidence: Sequence[Evidence]) -> list[Cause]:
    """Why the server answered AUTH_FAILED, or waits for more than it got."""
    pending = find(observations.AUTH_PENDING, evidence)
    failed = find(observations.AUTH_FAILED, evidence)
    kind, reason, sent = values_of(failed, 3) if failed else ("challenge", "", "")
    why = describe(failed or pending)
    if kind == "challenge":
        fix = "Give the monitoring account a way in without a second factor, limited to this machine."
        return [Cause("the server asks for a second factor", why, fix, proven=True)]
    if kind == "cipher":
        fix = "on the server: grep data-ciphers /etc/openvpn/server/*.conf"
        return [Cause("no data cipher that both sides allow", why, fix, proven=True)]
    if kind == "temporary":
        return [Cause("the server cannot authenticate anybody for the moment", why, SERVER_LOG, proven=True)]
    said = f", and says: {reason}" if reason else ""
    password = Cause(
        "the user or the password is wrong",
        f"the server answered AUTH_FAILED{said}",
        "Compare username and password in servers.toml or in the profile with the account.",
    )
    account = Cause(
        "the account or the common name is locked, disabled or not known to the server",
        f"the server answered AUTH_FAILED{said}",
        "on the server: journalctl -u 'openvpn*' | grep -E 'Auth Error|disabled|ccd'",
    )
    missing = Cause(
        "the server demands a user and a password, and the profile has none",
        f"the server answered AUTH_FAILED{said}",
        "on the server: grep -E 'auth-user-pass-verify|plugin' /etc/openvpn/server/*.conf",
    )
    if sent == observations.WITHOUT_ANSWER:
        unanswered = Cause(
            "the profile has a static challenge, and no answer to it was sent",
            f"challenge_response is not set; the server answered AUTH_FAILED{said}",
            "In servers.toml, set challenge_response. It must be an answer that does not change.",
        )
        return [unanswered, password, account]
    return [account, missing] if sent == observations.WITHOUT_PASSWORD else [password, account]


def of_missing_push(evidence: Sequence[Evidence]) -> list[Cause]:
    """Why the server accepts the client, and gives it no tunnel."""
    ended, pushed = find(observations.ENDED, evidence), find(observations.PUSHED, evidence)
    if pushed:
        why = "the server sent options without an address"
        return [
            Cause(
                "the address pool of the server is exhausted",
                why,
                "on the server: journalctl -u 'openvpn*' | grep 'no free --ifconfig-pool addresses'",
                "pool",
            ),
            Cause(
                "the server has no address for this client",
                why,
                "on the server: grep -E '^(server|ifconfig-pool|client-config)' /etc/openvpn/server/*.conf",
                "no-address",
            ),
        ]
    why = (
        describe(ended)
        if ended
        else "the server sent no PUSH_REPLY; without a free address, it would send one"
    )
    return [
        Cause(
            "a script or plugin of the server has not answered yet, or refused",
            why,
            "on the server: grep -E 'client-connect|plugin|auth-user-pass-verify' /etc/openvpn/server/*.conf",
            "script",
        ),
        Cause(
            "the server has disabled this client (client-config-dir)",
            why,
            "on the server: journalctl -u 'openvpn*' | grep -E 'disabled|CONNECT_CLIENT'",
            "disabled",
        ),
    ]


def of_settings(what: str) -> Cause:
    """What of the profile cannot be used. `what` begins with the directive."""
    looks = {
        "crl-verify": "openssl crl -noout -text -in FILE",
        "tls-cipher": "openvpn --show-tls",
        "ca": "openssl x509 -noout -text -in ca.crt",
        "cert or key": "openssl x509 -noout -text -in client.crt",
    }
    directive = what.partition(":")[0]
    fix = looks.get(directive, "Compare this line of the profile with a client that connects.")
    return Cause(f"{directive} of the profile cannot be used", what, fix, proven=True)


def of_missing_permission(evidence: Sequence[Evidence]) -> list[Cause]:
    """What must be done before all stages may run."""
    if used := find(observations.IN_USE, evidence):
        return [
            Cause(
                "openvpn of this machine uses the profile, and a login would end its session",
                f"{describe(used)}; make a certificate for wgmon-tui alone, and a profile with it",
                _NEW_CERTIFICATE,
                proven=True,
            )
        ]
    if find(observations.NO_PASSWORD, evidence):
        return [
            Cause(
                "the profile asks for a user and a password, and they are not set",
                "auth-user-pass of the profile names none: a client would ask for them",
                "In servers.toml, below [server.openvpn], set username and password_file.",
                proven=True,
            )
        ]
    return [
        Cause(
            "wgmon-tui may not log in with this certificate",
            "a second session with one common name ends the first, unless the server has duplicate-cn; "
            "make a certificate for wgmon-tui alone, a profile with it, and set dedicated = true",
            _NEW_CERTIFICATE,
            proven=True,
        )
    ]


_NEW_CERTIFICATE = "./easyrsa build-client-full wgmon-tui nopass"
