"""Possible causes of a session that the server ends during TLS or soon after it, the likeliest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.stage import KEY_EXCHANGE, TLS
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.observations import describe, find, find_all, values_of

_VERIFY_ERRORS = "on the server: journalctl -u 'openvpn*' | grep 'VERIFY ERROR'"
_NEW_CERTIFICATE = "Issue a new client certificate, and put it into <cert> of the profile."
_TLS_PARAMETERS = "tls-parameters"

_ALERTS: Mapping[str, tuple[str, str]] = {
    "certificate_expired": ("the client certificate has expired, by the clock of the server", "client-dates"),
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

    Without a word of TLS from the server, it has not seen the client certificate. After TLS completed here,
    both sides have agreed on its parameters.
    """
    failed = find(observations.TLS_FAILED, evidence)
    if failed and (told := _of_alert(values_of(failed, 2)[0], describe(failed))):
        return [told]
    ended = find(observations.SILENT_IN, evidence) or find(observations.TCP_CLOSED, evidence)
    _, heard, password, hello = values_of(ended, 4) if ended else ("", "", "", "")
    is_own_failure = failed is not None and values_of(failed, 2)[1] == "client"
    if is_own_failure or (stage == TLS and ended and not hello):
        return [_of_parameters(describe(failed))]
    found = [*_of_client_dates(evidence), _of_certificate(describe(failed))]
    if failed and stage == TLS:
        found.append(_of_parameters(describe(failed)))
    if ended and not password and stage == KEY_EXCHANGE:
        found.append(
            Cause(
                "the server demands a user and a password, and the profile has none",
                "such a server ends the session without an answer",
                "on the server: grep auth-user-pass-verify /etc/openvpn/server/*.conf",
                "no-password",
            )
        )
    if find(observations.SILENT_IN, evidence) and heard != "acknowledged":
        found.append(
            Cause(
                "large packets are lost on the path",
                "the reset is small, and the packets with certificates are not; they were not acknowledged",
                "On the server, set tls-mtu 1000, or lower the MTU of its interface.",
                "mtu",
            )
        )
    return found


def _of_alert(reason: str, why: str) -> Cause | None:
    """What an alert of the server says; None if it leaves the reason open."""
    for word, (cause, hypothesis) in _ALERTS.items():
        if reason.endswith(f"_alert_{word}"):
            fix = _NEW_CERTIFICATE if hypothesis.startswith("client") else _VERIFY_ERRORS
            return Cause(cause, why, fix, hypothesis, proven=True)
    return None


def _of_certificate(alert: str) -> Cause:
    said = f": {alert}" if alert else " without a word, as OpenVPN does over UDP"
    return Cause(
        "the server does not accept the client certificate: another authority, or revoked",
        f"it ended the session when it got the certificate{said}",
        _VERIFY_ERRORS,
        "client-certificate",
    )


def _of_client_dates(evidence: Sequence[Evidence]) -> list[Cause]:
    dates = [each for each in find_all(observations.DATES, evidence) if each.values[:1] == ("client",)]
    return [
        Cause(
            "the client certificate of the profile is not valid now",
            describe(each),
            _NEW_CERTIFICATE,
            "client-dates",
        )
        for each in dates[:1]
    ]


def _of_parameters(failure: str) -> Cause:
    return Cause(
        "the TLS versions or cipher suites of both sides have nothing in common",
        failure or "the server ended the session at the first message of TLS",
        "on the server: grep -E 'tls-(version|cipher)' /etc/openvpn/server/*.conf",
        _TLS_PARAMETERS,
    )
