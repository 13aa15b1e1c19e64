"""Possible causes of a session that the server ends during TLS or soon after it, the likeliest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.stage import KEY_EXCHANGE, TLS
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.causes import SERVER_LOG, no_room
from wgmon_tui.protocols.openvpn.certificate_causes import is_clock_right, tells_clock
from wgmon_tui.protocols.openvpn.observations import describe, find, find_all, values_of
from wgmon_tui.protocols.openvpn.profile import WrapperKind
from wgmon_tui.text import format_list

_VERIFY_ERRORS = "on the server: journalctl -u 'openvpn*' | grep 'VERIFY ERROR'"
_NEW_CERTIFICATE = "Issue a new client certificate, and put it into <cert> of the profile."
_DROPPED_TLS = "tls-dropped"
_TLS_PARAMETERS, _DAMAGED_TLS, _PACKET_SIZE, _CLIENT_DATES = (
    "tls-parameters",
    "damaged-tls",
    "mtu",
    "client-dates",
)
_PARAMETER_FAILURES = (
    "unsupported_protocol",
    "no_protocols_available",
    "no_ciphers_available",
    "cipher_returned",
    "dh_key_too_small",
    "wrong_curve",
    "elliptic_curve",
    "signature_type",
    "sigalg",
    "unsafe_legacy_renegotiation",
)
"""Parts of OpenSSL's words for a version, suite, group or signature that this side refuses (sslerr.h)."""

_ALERTS: Mapping[str, tuple[str, str]] = {
    "certificate_expired": (
        "the client certificate, an authority above it or the server's revocation list has expired there",
        _CLIENT_DATES,
    ),
    "certificate_revoked": ("the client certificate is revoked", "client-certificate"),
    "unknown_ca": (
        "the client certificate is from another authority",
        "client-certificate",
    ),
    "bad_certificate": ("the server does not accept the client certificate", "client-certificate"),
    "unsupported_certificate": ("the client certificate is not one for a client", "client-certificate"),
    "certificate_unknown": ("the server does not accept the client certificate", "client-certificate"),
    "certificate_required": (
        "the server demands a client certificate",
        "no-certificate",
    ),
    "protocol_version": ("the TLS versions of both sides have nothing in common", _TLS_PARAMETERS),
    "insufficient_security": ("the cipher suites of this side are too weak for the server", _TLS_PARAMETERS),
}
"""What a fatal alert of the server says (RFC 8446 §6.2), and the hypothesis. Others leave the reason open."""


def of_refusal(stage: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """Why the server ends the session, or why TLS fails.

    Without a word of TLS from the server, it has not seen the client certificate. With one, both sides have
    agreed on the version and the cipher suite.
    """
    failed = find(observations.TLS_FAILED, evidence)
    if failed and (told := _of_tls(failed)):
        return [_sharpen(told, evidence)]
    silent = find(observations.SILENT_IN, evidence)
    ended = silent or find(observations.TCP_CLOSED, evidence)
    _, heard, password, hello = values_of(ended, 4) if ended else ("", "", "", "")
    has_begun = bool(hello) or (failed is not None and bool(values_of(failed, 5)[4]))
    lost = _of_size(evidence) if silent and heard != "acknowledged" else []
    if stage == TLS and not has_begun:
        found = _of_hello(describe(failed), evidence)
        return found if found[0].proven else _with_size(found, lost, evidence)
    dates = _of_server_clock(evidence) or _of_client_dates(evidence)
    if dates and dates[0].proven and not lost:
        return dates
    if find(observations.NO_CERTIFICATE, evidence):
        return [_of_missing_certificate(describe(failed)), *lost]
    found = [*dates, _of_certificate(describe(failed)), _of_server_list()]
    if ended and not password and stage == KEY_EXCHANGE:
        found.append(
            Cause(
                "the server demands a user and a password, and the profile has none",
                "such a server ends the session without an answer",
                "on the server: grep auth-user-pass-verify /etc/openvpn/server/*.conf",
                "no-password",
            )
        )
    if ended and find(observations.ANSWERED, evidence) and not tells_clock(evidence):
        found.append(_server_clock())
    return _with_size(found, lost, evidence)


def _with_size(found: Sequence[Cause], lost: Sequence[Cause], evidence: Sequence[Evidence]) -> list[Cause]:
    """The size of packets comes first where a small reset was answered, and a large one was not."""
    is_likely = find(observations.STILL_ANSWERS, evidence) is not None
    return [*lost, *found] if is_likely else [*found, *lost]


def _server_clock() -> Cause:
    """The clock of a server that does not tell its time: without a wrapping, no packet says it."""
    return Cause(
        "the clock of the server is wrong, so that the client certificate is not valid there",
        "the server told no time: only resets with tls-auth or tls-crypt do",
        "on the server: timedatectl",
        "server-clock",
    )


def _of_server_clock(evidence: Sequence[Evidence]) -> list[Cause]:
    """The clock of the server, where the client certificate is valid here and not by that clock."""
    dates = find_all(observations.DATES, evidence)
    at_server = [each for each in dates if each.values[:1] == ("client at the server",)]
    if any(each.values[:1] in (("client",), ("client chain",)) for each in dates):
        return []
    return [
        Cause(
            "the clock of the server, or of this machine, is wrong: by the server's, the client certificate "
            "is not valid",
            f"{describe(find(observations.ANSWERED, evidence))}; {describe(each)}",
            "here, and on the server: date -u",
            _CLIENT_DATES,
            proven=True,
        )
        for each in at_server[:1]
    ]


def _of_hello(failure: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """Why the server does not begin TLS. The widest offer proves the parameters, or disproves them."""
    widest = find(observations.ANY_TLS, evidence)
    parameters = _of_parameters(failure)
    if widest is None:
        return [parameters]
    if values_of(widest, 1)[0] == observations.CONNECTED:
        return [replace(parameters, why=describe(widest), proven=True)]
    answered = find(observations.ANSWERED, evidence)
    has_client_key = answered is not None and values_of(answered, 1)[0] == WrapperKind.TLS_CRYPT_V2.value
    refused = Cause(
        "tls-crypt-v2-verify of the server refuses the tls-crypt-v2 key of this client",
        "resets are answered before its program is asked, and nothing later",
        "on the server: journalctl -u 'openvpn*' | grep -i 'tls-crypt-v2'",
        "client-key",
    )
    return [
        *([refused] if has_client_key else []),
        no_room(),  # since OpenVPN 2.6, a reset is answered before the clients are counted
        Cause(
            "large packets of the server are lost on the path",
            "its first answer of TLS is larger than its answer to a reset",
            "On the server, set tls-mtu 1000, or lower the MTU of its interface.",
            _PACKET_SIZE,
        ),
        Cause(
            "something on the path drops the packets of TLS (DPI), or TLS of the server does not work",
            f"resets are answered; {describe(widest)}",
            SERVER_LOG,
            _DROPPED_TLS,
        ),
    ]


def verdict_of(found: Sequence[Cause]) -> Verdict:
    """The verdict of causes that `of_refusal` returned: silence, as long as it may be one."""
    kinds = {each.hypothesis for each in found}
    if kinds & {_PACKET_SIZE, _DROPPED_TLS}:
        return Verdict.SILENT
    if kinds == {_TLS_PARAMETERS}:
        return Verdict.CIPHER_MISMATCH
    if kinds == {_DAMAGED_TLS}:
        return Verdict.WRONG_PROTOCOL
    if kinds == {_CLIENT_DATES} and found[0].proven:
        return Verdict.BAD_CERTIFICATE
    return Verdict.AUTH_FAILED


def _of_size(evidence: Sequence[Evidence]) -> list[Cause]:
    """The size of packets as a cause; none where the server answered a reset of the same size."""
    again = find(observations.STILL_ANSWERS, evidence)
    if again and values_of(again, 1)[0] == observations.LARGE:
        return []
    why = "the reset is small, and the packets with certificates are not; they were not acknowledged"
    fix = "On the server, set tls-mtu 1000, or lower the MTU of its interface."
    return [Cause("large packets are lost on the path", why, fix, _PACKET_SIZE)]


def _of_tls(failed: ProtocolEvidence) -> Cause | None:
    """What a failure of TLS says alone; None if it leaves the reason open."""
    reason, who = values_of(failed, 2)
    if who != "client":
        return _of_alert(reason, describe(failed))
    if any(word in reason for word in _PARAMETER_FAILURES):
        return _of_parameters(describe(failed))
    return Cause(
        "another program answers, or something on the path changes what the server sends",
        describe(failed),
        SERVER_LOG,
        _DAMAGED_TLS,
    )


def _of_alert(reason: str, why: str) -> Cause | None:
    """What an alert of the server says; None if it leaves the reason open."""
    for word, (cause, hypothesis) in _ALERTS.items():
        if reason.endswith(f"_alert_{word}"):
            fix = _NEW_CERTIFICATE if hypothesis.startswith("client") else _VERIFY_ERRORS
            return Cause(cause, why, fix, hypothesis, proven=True)
    return None


def _sharpen(told: Cause, evidence: Sequence[Evidence]) -> Cause:
    """Where the server says that something has expired: what of the profile has expired here too.

    That is the cause if both clocks agree. By this clock alone, it may be the server's revocation list.
    """
    if told.hypothesis != _CLIENT_DATES:
        return told
    here = [each for each in find_all(observations.DATES, evidence) if each.values[2] == "expired"]
    causes = _of_client_dates([*here, *find_all(observations.ANSWERED, evidence)])
    if len(causes) != 1:
        return told
    if not causes[0].proven:
        return replace(told, why=f"{told.why}; here, {causes[0].why}")
    return replace(causes[0], why=f"{causes[0].why}; {told.why}")


def _of_certificate(alert: str) -> Cause:
    said = f": {alert}" if alert else " without a word, as OpenVPN does over UDP"
    return Cause(
        "the server does not accept the client certificate: another authority, a missing certificate "
        "between them, revoked, or not the usage or name that it asks for",
        f"it ended the session when it got the certificate{said}",
        _VERIFY_ERRORS,
        "client-certificate",
    )


def _of_missing_certificate(alert: str) -> Cause:
    said = f": {alert}" if alert else " without a word, as OpenVPN does over UDP"
    return Cause(
        "the server demands a client certificate, and the profile has none",
        f"it ended the session when none came{said}",
        "on the server: grep verify-client-cert /etc/openvpn/server/*.conf",
        "no-certificate",
    )


def _of_server_list() -> Cause:
    """OpenVPN refuses every client then. easy-rsa makes lists for 180 days."""
    return Cause(
        "the revocation list of the server (crl-verify) has expired, or cannot be read",
        "a server whose list has expired accepts no client at all",
        "on the server: openssl crl -noout -nextupdate -in /etc/openvpn/server/crl.pem",
        "server-list",
    )


def _of_client_dates(evidence: Sequence[Evidence]) -> list[Cause]:
    """The dates of the client certificate: proven where the clock of the server says the same."""
    dates = [each for each in find_all(observations.DATES, evidence) if each.values[:1] == ("client",)]
    agrees = is_clock_right(evidence)
    why = "; the clock of the server says the same" if agrees else ""
    above = [each for each in find_all(observations.DATES, evidence) if each.values[:1] == ("client chain",)]
    return [
        *(
            Cause(
                "the client certificate of the profile is not valid now",
                f"{describe(each)}{why}",
                _NEW_CERTIFICATE,
                _CLIENT_DATES,
                proven=agrees,
            )
            for each in dates[:1]
        ),
        *(
            Cause(
                "a certificate between those of the client and of its authority is not valid now",
                describe(each),
                "Put the current one behind the client certificate, into <cert> of the profile.",
                _CLIENT_DATES,
            )
            for each in above[:1]
        ),
    ]


def of_offer(refused: ProtocolEvidence) -> Cause:
    """What the profile allows in TLS is not what the server allows."""
    directives = format_list(each for each in values_of(refused, 2) if each)
    return Cause(
        f"{directives} of the profile and of the server have nothing in common",
        describe(refused),
        "on the server: grep -E 'tls-(groups|ciphersuites)' /etc/openvpn/server/*.conf",
        _TLS_PARAMETERS,
        proven=True,
    )


def _of_parameters(failure: str) -> Cause:
    return Cause(
        "the TLS versions or cipher suites of both sides have nothing in common",
        failure or "the server ended the session at the first message of TLS",
        "on the server: grep -E 'tls-(version|cipher)' /etc/openvpn/server/*.conf",
        _TLS_PARAMETERS,
    )
