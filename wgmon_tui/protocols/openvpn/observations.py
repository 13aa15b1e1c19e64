"""The evidence that only OpenVPN has: its kinds, and a sentence for each.

The values may come from another machine or a server, so each sentence cleans them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.protocols.openvpn.data_channel import DataFault
from wgmon_tui.protocols.openvpn.settings import NAME
from wgmon_tui.text import format_elapsed, format_list, printable

CLOCK_TOLERANCE_S = 300.0
"""A difference of clocks below this explains no certificate that is not valid."""

_LONGEST_NUMBER = 24

ANSWERED = "reset-answered"
"""Values: the wrapping, the transport, and how many seconds the server's clock is ahead, if it told."""
REJECTED = "rejected"
"""Values: the reason, and the length of the packet."""
TCP = "tcp"
"""Values: "connected", "refused" or "silent"."""
CONNECTED = "connected"
TCP_CLOSED = "tcp-closed"
"""The server closed the connection. Values: the stage, and then as those of SILENT_IN."""
TLS = "tls"
"""Values: version, cipher suite, and subject, issuer and last day of the server's certificate."""
TLS_FAILED = "tls-failed"
"""Values: OpenSSL's word, "server" or "client" for who gave up, code and text of a bad certificate, and
"hello" if the server had begun TLS."""
REVOCATION = "revocation"
"""The word of TLS_FAILED where a revocation list of the profile is the reason, and not OpenSSL."""
NOT_LOOKED_UP = "not-looked-up"
"""Values: subject and issuer of a certificate of the server's chain that no list of crl-verify covers."""
UNTESTED = "untested"
"""Values: directives by which a client may refuse the server, and that a check does not obey."""
BRIDGE = "bridge"
"""The tunnel carries Ethernet frames (dev tap), and a check sends none. No values."""
UNKNOWN_CIPHER = "unknown-cipher"
"""The data channel uses a cipher or digest that a check does not have. Value: its name."""
MISMATCH = "certificate-mismatch"
"""Values: the directive, what it expects, and what the server has."""
DATES = "dates"
"""Values: what it is (see DateProblem), the subject, "expired" or "early", and the day."""
SETTINGS = "tls-settings"
"""Values: what of the profile cannot be used."""
SILENT_IN = "silent-in"
"""Values: the stage in which the server fell silent, "acknowledged" if it has all that was sent, "password"
if the profile has one, and "hello" if the server had begun TLS."""
STILL_ANSWERS = "still-answers"
"""The server answered another reset after it fell silent: the path works, and it ended this session. Values:
LARGE if it answered one of the size of the longest packet."""
LARGE = "large"
ANY_TLS = "any-tls"
"""The server left the first message of TLS without an answer. Values: "connected" if it answers one that
offers every version and cipher suite, else "silent"."""
OFFER_ANSWERED = "offer-answered"
"""Experiment. The server goes on after a ClientHello with what these directives of the profile allow."""
OFFER_REFUSED = "offer-refused"
"""Experiment. Three times it does not, and meanwhile it does after one that offers everything."""
KEYS = "keys-exchanged"
"""Values: the options of the server."""
AUTH_FAILED = "auth-failed"
"""Values: the kind of the refusal, the reason that the server gave, and WITHOUT_PASSWORD if none was sent."""
WITHOUT_PASSWORD = "without-password"  # noqa: S105  no secret
AUTH_PENDING = "auth-pending"
"""Values: what the server asks for."""
PUSHED = "pushed"
"""Values: the address, the cipher, and how many options there were."""
ENDED = "ended"
"""Values: RESTART, HALT or EXIT, and the text of the server."""
NO_CERTIFICATE = "no-certificate"
"""The profile has no client certificate: user and password prove this side. No values."""
NO_PASSWORD = "no-password"  # noqa: S105  no secret
"""The profile asks for a user and a password that are not set. No values."""
NO_ANSWER = "no-answer"
"""The profile has a static challenge, and no answer to it is set. No values."""
NOT_DEDICATED = "not-dedicated"
"""The settings do not say that nobody else uses the profile."""
IN_USE = "in-use"
"""Values: the number of a process of this machine that uses the profile."""
FULL_CHECK = "full-check"
"""This check ran the reset only. Values: when the last check of all stages ended, in Unix seconds, and its
echoes through the tunnel: how many were sent and answered, and the median time in seconds, "" without one."""
DATA_STOPPED = "data-stopped"
"""Data came back through the tunnel, and later nothing did, whatever its size. No values."""
DATA_REJECTED = "data-rejected"
"""Values: the DataFault's name, and how many packets."""
KEEPALIVE_ARRIVED = "keepalive-arrived"
"""Values: after how many seconds."""
KEEPALIVE_MISSING = "keepalive-missing"
"""Values: how many seconds it was waited for."""
VARIATION = "variation-answered"
"""Experiment. Values: the setting that differs, the value that was answered, and the one of the profile."""
OTHER_REMOTE = "other-remote-answered"
"""Experiment. Values: another remote of the profile that answered, with the same key."""
NO_OTHER_REMOTE = "no-other-remote-answered"
"""Experiment. Values: the other remotes of the profile that were asked, with the same key."""
UNVERIFIED = "unverified-certificate"
"""The certificate of a server, read without trusting it. Values: subject, issuer, last day."""
NO_VARIATION = "no-variation-answered"
"""Experiment. Values: the settings of which other values were tried in vain."""


def observe(
    kind: str, *values: str, at: float | None = None, from_experiment: bool = False
) -> ProtocolEvidence:
    """Evidence of OpenVPN."""
    return ProtocolEvidence(NAME, kind, values, at, from_experiment)


def find(kind: str, evidence: Iterable[Evidence]) -> ProtocolEvidence | None:
    """The first evidence of a kind; None if there is none."""
    return next(iter(find_all(kind, evidence)), None)


def find_all(kind: str, evidence: Iterable[Evidence]) -> list[ProtocolEvidence]:
    """All evidence of a kind."""
    return [
        each
        for each in evidence
        if isinstance(each, ProtocolEvidence) and each.protocol == NAME and each.kind == kind
    ]


def values_of(evidence: ProtocolEvidence, count: int) -> tuple[str, ...]:
    """The first `count` values, cleaned; "" for those that it does not have."""
    padded = (*map(printable, evidence.values), *("",) * count)
    return padded[:count]


def describe(evidence: ProtocolEvidence | None) -> str:
    """Say in one line what evidence of OpenVPN is; "" for none."""
    if evidence is None:
        return ""
    tell = _SENTENCES.get(evidence.kind)
    return tell(values_of(evidence, 5)) if tell else printable(evidence.kind)


def _tell_tls_failed(values: Sequence[str]) -> str:
    reason, who, _, text, _ = values
    words = reason.replace("_", " ")
    if text:
        who = "the profile" if reason == REVOCATION else "OpenSSL"
        return f"{who} does not accept the certificate of the server: {text}"
    return f"the server ended TLS: {words}" if who == "server" else f"TLS failed on this side: {words}"


def _tell_answered(values: Sequence[str]) -> str:
    ahead = read_number(values[2])
    clock = ""
    if ahead is not None and abs(ahead) > CLOCK_TOLERANCE_S:
        clock = f"; its clock is {format_elapsed(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}"
    return f"the server answered the reset over {values[1].upper()} ({values[0]}){clock}"


def read_number(text: str) -> float | None:
    """A number of evidence; None if it is none."""
    try:
        return float(text) if text and len(text) < _LONGEST_NUMBER else None
    except ValueError:
        return None


def _tell_tcp(values: Sequence[str]) -> str:
    return {
        CONNECTED: "the port accepts TCP connections",
        "refused": "the port refuses TCP connections",
        "silent": "the port does not answer a TCP connection",
    }.get(values[0], f"TCP: {values[0]}")


_DATED = {
    "client": "the client certificate",
    "client chain": "of those above the client certificate,",
    "client at the server": "by the clock of the server, the client certificate",
    "authority": "the certificate of the authority",
    "server": "the certificate of the server",
    "server chain": "of those above the certificate of the server,",
}


def _tell_dates(values: Sequence[str]) -> str:
    what, subject, word, day, _ = values
    whose = _DATED.get(what, f"the {what}")
    return f"{whose} {subject} {'expired on' if word == 'expired' else 'is not valid before'} {day}"


def _tell_auth_failed(values: Sequence[str]) -> str:
    reason = f": {values[1]}" if values[1] else ", and gave no reason"
    return f"the server answered AUTH_FAILED{reason}"


def _tell_silent_in(values: Sequence[str]) -> str:
    heard = ", although it acknowledged the last packets" if values[1] == "acknowledged" else ""
    return f"the server fell silent in the stage {values[0]}{heard}"


def _directives(values: Sequence[str]) -> str:
    return format_list(each for each in values if each)


_FAULTS = {each.name.lower(): each.value for each in DataFault}

_SENTENCES: Mapping[str, Callable[[Sequence[str]], str]] = {
    ANSWERED: _tell_answered,
    REJECTED: lambda values: f"a packet of {values[1]} bytes was rejected: {values[0]}",
    TCP: _tell_tcp,
    TCP_CLOSED: lambda values: f"the server closed the connection in the stage {values[0]}",
    TLS: lambda values: (
        f"{values[0]} with {values[1]}; the certificate is {values[2]}, issued by {values[3]}"
    ),
    TLS_FAILED: _tell_tls_failed,
    NOT_LOOKED_UP: lambda values: (
        f"crl-verify has no list of {values[1]}: whether {values[0]} is revoked is not known"
    ),
    UNTESTED: lambda values: f"a client obeys {_directives(values)} of the profile, a check does not",
    UNKNOWN_CIPHER: lambda values: f"the data channel uses {values[0]}, which a check does not have",
    BRIDGE: lambda _: "the tunnel is a bridge (dev tap), through which a check sends no echo",
    MISMATCH: lambda values: f"{values[0]}: expected {values[1]}, the server has {values[2]}",
    DATES: _tell_dates,
    SETTINGS: lambda values: f"the profile cannot be used: {values[0]}",
    SILENT_IN: _tell_silent_in,
    ANY_TLS: lambda values: (
        "the server answers TLS that offers all versions and cipher suites"
        if values[0] == CONNECTED
        else "TLS that offers all versions and cipher suites gets no answer either"
    ),
    OFFER_ANSWERED: lambda values: f"the server goes on with {_directives(values)} of the profile",
    OFFER_REFUSED: lambda values: (
        f"three offers with {_directives(values)} of the profile got no answer of TLS; "
        "one of all versions, cipher suites and groups did"
    ),
    STILL_ANSWERS: lambda values: (
        "the server answers a new reset"
        + (" of the size of the longest packet" if values[0] == LARGE else ", but not a large one")
    ),
    KEYS: lambda values: f"the server sent its keys and options: {values[0]}",
    AUTH_FAILED: _tell_auth_failed,
    AUTH_PENDING: lambda values: f"the server waits for another factor: {values[0]}",
    PUSHED: lambda values: f"the server assigned {values[0]} and the cipher {values[1]}",
    ENDED: lambda values: (
        f"the server ended the session with {values[0]}{': ' + values[1] if values[1] else ''}"
    ),
    NO_CERTIFICATE: lambda _: "the profile has no client certificate",
    NO_PASSWORD: lambda _: "the profile asks for a user and a password, and they are not set",
    NO_ANSWER: lambda _: "the profile has a static challenge, and no answer to it is set",
    NOT_DEDICATED: lambda _: "the settings do not say that this certificate is for wgmon-tui alone",
    IN_USE: lambda values: f"openvpn uses this profile on this machine (process {values[0]})",
    FULL_CHECK: lambda _: "this check ran the reset only; the rest is from the last check of all stages",
    DATA_STOPPED: lambda _: "data came back through the tunnel, and later nothing did, whatever its size",
    DATA_REJECTED: lambda values: (
        f"rejected data packets: {values[1]}; of each, {_FAULTS.get(values[0], values[0])}"
    ),
    KEEPALIVE_ARRIVED: lambda values: f"a keepalive of the server came after {values[0]} s",
    KEEPALIVE_MISSING: lambda values: f"no keepalive of the server came within {values[0]} s",
    OTHER_REMOTE: lambda values: f"another remote of the profile answers with the same key: {values[0]}",
    NO_OTHER_REMOTE: lambda values: (
        f"no other remote of the profile answers either: {format_list(each for each in values if each)}"
    ),
    UNVERIFIED: lambda values: (
        f"the server shows, unverified, the certificate {values[0]}, issued by {values[1]}, "
        f"which ends on {values[2]}"
    ),
    NO_VARIATION: lambda values: (
        f"other values of {format_list(each for each in values if each)} were not answered either"
    ),
    VARIATION: lambda values: f"the server answers with {values[0]} {values[1]}; the profile has {values[2]}",
}
