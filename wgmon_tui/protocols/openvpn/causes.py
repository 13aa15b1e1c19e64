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


def of_silence(server: Server, wrapping: str, transport: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """Why a reset gets no answer. What an experiment disproved is left out."""
    tried = find(observations.NO_VARIATION, evidence)
    disproved = tried.values if tried else ()
    port, name = server.endpoint.port, transport.upper()
    keys = [each for each in _of_keys(wrapping) if each.hypothesis not in disproved]
    if has_listener(evidence):
        return [*keys, no_room(), _of_listener(port)]
    general = _of_unheard_packets(port, name, evidence)
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


def _of_listener(port: int) -> Cause:
    return Cause(
        f"another program than OpenVPN listens on port {port}",
        "something there answers, but not as OpenVPN does",
        f"on the server: ss -lntup | grep {port}",
        "other-program",
    )


def _of_unheard_packets(port: int, name: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """Why packets do not reach a server, or nothing is there to hear them."""
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
    return general


def no_room() -> Cause:
    """The server accepts no new session now, without an answer: mudp.c and multi.c drop the packet."""
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
                _fix_of_variation(setting, tried, own),
                setting,
                proven=True,
            )
        )
    return found


def _fix_of_variation(setting: str, tried: str, own: str) -> str:
    """What to write into the profile, so that it says what was answered."""
    if setting == "wrapping" and tried == "plain":
        return f"In the profile, remove {own} and its key."
    if setting == "wrapping":
        return f"In the profile, put the key between <{tried}> and </{tried}>, instead of {own}."
    if tried == "none":
        return f"In the profile, remove {setting}."
    return f"In the profile, write: {setting} {tried}"


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
        "the account or the common name is locked, disabled, refused by a script or not known to the server",
        f"the server answered AUTH_FAILED{said}",
        "on the server: journalctl -u 'openvpn*' | grep -E 'Auth Error|disabled|ccd|client-connect'",
    )
    missing = Cause(
        "the server demands a user and a password, and the profile has none",
        f"the server answered AUTH_FAILED{said}",
        "on the server: grep -E 'auth-user-pass-verify|plugin' /etc/openvpn/server/*.conf",
    )
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
        "askpass": "In servers.toml, below [server.openvpn], set key_password_file.",
        "cert or key": "openssl x509 -noout -text -in client.crt",
    }
    directive = what.partition(":")[0]
    fix = looks.get(directive, "Compare this line of the profile with a client that connects.")
    return Cause(f"{directive} of the profile cannot be used", what, fix, proven=True)


def of_missing_echo(evidence: Sequence[Evidence]) -> Cause:
    """Why no echo was sent through the tunnel."""
    if unknown := find(observations.UNKNOWN_CIPHER, evidence):
        return Cause(
            "wgmon-tui does not have the cipher or the digest of the data channel",
            describe(unknown),
            "Use a current cipher on both sides, such as AES-256-GCM.",
            proven=True,
        )
    if find(observations.BRIDGE, evidence):
        return Cause(
            "the tunnel is a bridge (dev tap), through which wgmon-tui sends no echo",
            "a bridge carries Ethernet frames; only the server's keepalive shows that data comes back",
            "Check a machine behind the bridge by other means as well.",
            proven=True,
        )
    return Cause(
        "no address inside is known that must answer",
        "the server pushed no gateway, and tunnel_ping is not set",
        'Set tunnel_ping, for example tunnel_ping = ["10.8.0.1"].',
        proven=True,
    )


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
    if find(observations.NO_ANSWER, evidence):
        return [
            Cause(
                "the profile has a static challenge, and no answer to it is set",
                "a client would ask for the answer",
                "In servers.toml, set challenge_response. It must be an answer that does not change.",
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


_NEW_CERTIFICATE = "on the machine of the authority: ./easyrsa build-client-full wgmon nopass"
