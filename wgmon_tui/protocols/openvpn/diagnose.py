"""The diagnosis of OpenVPN: from the evidence of a check to its verdict. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.common_faults import diagnose_common_fault
from wgmon_tui.checks.evidence import Evidence, IcmpError, PathMtu
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.icmp_errors import is_port_closed
from wgmon_tui.checks.stage import KEY_EXCHANGE, PUSH_REPLY, TLS, TUNNEL
from wgmon_tui.checks.starvation import BY_TIME, doubt_if_starved
from wgmon_tui.checks.verdict import Cause, Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.openvpn import causes, certificate_causes, data_causes, observations
from wgmon_tui.protocols.openvpn.earlier_checks import find_tunnel
from wgmon_tui.protocols.openvpn.events import NOT_OPENVPN, UNAUTHENTIC
from wgmon_tui.protocols.openvpn.observations import describe, find, find_all, values_of
from wgmon_tui.protocols.openvpn.packet_fields import PacketLayout
from wgmon_tui.protocols.openvpn.refusal_causes import of_offer, of_refusal, verdict_of
from wgmon_tui.text import format_elapsed, format_list, format_rtt

_PLAIN = "plain"
_SIGNS_OF_THE_SERVER = (
    observations.TLS_FAILED,
    observations.ENDED,
    observations.PUSHED,
    observations.TCP_CLOSED,
    observations.STILL_ANSWERS,
)

_OBSTACLES = (
    observations.IN_USE,
    observations.NOT_DEDICATED,
    observations.NO_PASSWORD,
    observations.NO_ANSWER,
)
"""Why a check ends after the reset."""


_CUT_SHORT = (
    observations.SILENT_IN,
    observations.TCP_CLOSED,
    observations.DATA_STOPPED,
    observations.OFFER_REFUSED,
)
"""How a login or a session ends without a word: a server also closes on a client that says nothing."""

_SAID_BY_THE_SERVER = (
    observations.AUTH_FAILED,
    observations.TLS_FAILED,
    observations.MISMATCH,
    observations.SETTINGS,
    observations.ENDED,
)
"""Why a login or a session failed, where that needed no time."""


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What the evidence means."""

    verdict: Verdict
    summary: str
    causes: Sequence[Cause] = ()


def diagnose(
    check: Check, server: Server, standing: Sequence[Evidence], *, is_explained_by_loss: bool = False
) -> Diagnosis:
    """Diagnose a check of an OpenVPN server."""
    evidence = (*check.evidence, *standing)
    proven = [] if check.handshake else causes.of_variation(evidence)
    if not proven and (fault := diagnose_common_fault(check, server, standing)):
        return fault
    meaning = _of_reset(check, server, evidence, proven) if check.handshake is None else None
    is_lost = is_explained_by_loss and not find(observations.TCP_CLOSED, evidence)
    if meaning and meaning.verdict is Verdict.SILENT and is_lost and not proven:
        meaning = _Meaning(Verdict.LOSSY, "No answer to the reset; the known loss of the path explains it.")
    meaning = meaning or _of_login(check, evidence) or _of_tunnel(check, evidence)
    meaning = meaning or _of_what_was_not_tested(check, evidence) or _of_success(check, server, evidence)
    texts = tuple(describe_evidence(each) for each in evidence)
    failed, summary = check.failed_stage, meaning.summary + _age_of_login(check, evidence)
    found = Diagnosis(meaning.verdict, summary, texts, tuple(meaning.causes), failed.name if failed else "")
    return doubt_if_starved(found, check, server, is_by_time=_is_by_time(check, meaning.verdict))


def _is_by_time(check: Check, verdict: Verdict) -> bool:
    """Whether a verdict rests on something that did not come in time, in this check."""
    if verdict.severity is Severity.UP:
        return False
    if check.handshake is None:
        return verdict in BY_TIME
    if find(observations.FULL_CHECK, check.evidence):
        return False  # the login was made by an earlier check, which had the processor
    if any(find(each, check.evidence) for each in _SAID_BY_THE_SERVER):
        return False
    is_cut = any(find(each, check.evidence) for each in _CUT_SHORT)
    return is_cut or (verdict in BY_TIME and find(observations.DATA_REJECTED, check.evidence) is None)


def _age_of_login(check: Check, evidence: Sequence[Evidence]) -> str:
    """When what is said about login and tunnel was found, if not by this check."""
    marked = find(observations.FULL_CHECK, evidence)
    ended_at = observations.read_number(values_of(marked, 1)[0]) if marked else None
    if ended_at is None or check.handshake is None:
        return ""
    return f" The login was {format_elapsed(max(check.started_at - ended_at, 0.0))} ago."


def _of_reset(
    check: Check, server: Server, evidence: Sequence[Evidence], proven: Sequence[Cause]
) -> _Meaning:
    """What it means that no answer to the reset was accepted."""
    layout = PacketLayout.parse(check.framing) or PacketLayout()
    wrapping, transport = layout.kind.value, "tcp" if layout.is_tcp else "udp"
    port = server.endpoint.port
    tcp = find(observations.TCP, evidence)
    if tcp and tcp.values[:1] == ("refused",):
        summary = f"Port {port} refuses TCP connections."
        closed = Cause(
            "the server is stopped, or listens on another port or for UDP",
            "the server itself refuses the connection",
            f"on the server: ss -lntup | grep {port}",
            proven=True,
        )
        return _Meaning(Verdict.PORT_CLOSED, summary, proven or (closed,))
    if proven:
        summary = f"No answer to this profile, but to one with a difference: {proven[0].cause}."
        is_closed = any(is_port_closed(each) for each in evidence if isinstance(each, IcmpError))
        return _Meaning(Verdict.PORT_CLOSED if is_closed else Verdict.SILENT, summary, proven)
    possible = causes.of_silence(server, wrapping, transport, evidence)
    reasons = {each.values[0] for each in find_all(observations.REJECTED, evidence) if each.values}
    if UNAUTHENTIC in reasons:
        summary = f"The server answers, but not with the {wrapping} key of the profile."
        return _Meaning(Verdict.PSK_MISMATCH, summary, possible[:1])
    if NOT_OPENVPN in reasons:
        summary = f"Something answers on port {port}, but not with packets of OpenVPN."
        return _Meaning(Verdict.WRONG_PROTOCOL, summary, possible)
    summary = "No answer to the reset. OpenVPN does not answer packets that it cannot authenticate."
    if find(observations.TCP_CLOSED, evidence):
        summary = (
            f"Port {port} accepts the TCP connection, and closes it without an answer to the reset. "
            "A server does that if it cannot authenticate the reset, or has no room for a client."
        )
    return _Meaning(Verdict.SILENT, summary, possible)


def _of_login(check: Check, evidence: Sequence[Evidence]) -> _Meaning | None:
    """What it means that a stage between the reset and the tunnel failed; None if none did."""
    failed = check.failed_stage.name if check.failed_stage else ""
    if not failed or check.handshake is None:
        return None
    if settings := find(observations.SETTINGS, evidence):
        return _of_settings(values_of(settings, 1)[0])
    if failed == TUNNEL:
        return None
    if offer := find(observations.OFFER_REFUSED, evidence):
        summary = f"The server and a client of this profile do not agree on TLS: {describe(offer)}."
        return _Meaning(Verdict.CIPHER_MISMATCH, summary, (of_offer(offer),))
    mismatch, tls = find(observations.MISMATCH, evidence), find(observations.TLS_FAILED, evidence)
    if mismatch and values_of(mismatch, 1)[0] == "data-ciphers":
        summary = f"Both sides do not agree on a cipher: {describe(mismatch)}."
        return _Meaning(Verdict.CIPHER_MISMATCH, summary, certificate_causes.of_server_certificate(evidence))
    if mismatch or (tls and values_of(tls, 3)[2]):
        why = describe(mismatch) or (values_of(tls, 4)[3] if tls else "")
        return _Meaning(
            Verdict.BAD_CERTIFICATE,
            f"The server answers, but its certificate is not accepted: {why}.",
            certificate_causes.of_server_certificate(evidence),
        )
    if refused := find(observations.AUTH_FAILED, evidence):
        is_cipher = values_of(refused, 1)[0] == "cipher"
        verdict = Verdict.CIPHER_MISMATCH if is_cipher else Verdict.AUTH_FAILED
        return _Meaning(verdict, f"TLS completes, but {describe(refused)}.", causes.of_auth_failed(evidence))
    if pending := find(observations.AUTH_PENDING, evidence):
        return _Meaning(
            Verdict.AUTH_FAILED, f"TLS completes, but {describe(pending)}.", causes.of_auth_failed(evidence)
        )
    return _of_broken_session(failed, evidence)


def _of_settings(what: str) -> _Meaning:
    return _Meaning(
        Verdict.MISCONFIGURED, f"The profile cannot be used: {what}.", (causes.of_settings(what),)
    )


def _of_broken_session(stage: str, evidence: Sequence[Evidence]) -> _Meaning:
    """What it means that the server ended the session, or fell silent, in a stage."""
    tls, ended = find(observations.TLS_FAILED, evidence), find(observations.ENDED, evidence)
    is_there = _is_there(evidence)
    if stage == PUSH_REPLY and is_there:
        summary = "The server refuses no credentials, but assigns no tunnel."
        if ended:
            summary = f"The server refuses no credentials, but {describe(ended)}."
        return _Meaning(Verdict.SESSION_REFUSED, summary, causes.of_missing_push(evidence))
    possible = of_refusal(stage, evidence)
    verdict = verdict_of(possible) if is_there else Verdict.SILENT
    if verdict is not Verdict.SILENT:
        when = {TLS: "during TLS", KEY_EXCHANGE: "after TLS"}.get(stage, f"in the stage {stage}")
        said = f": {describe(tls)}" if tls else ""
        summary = f"The server answers the reset, then ends the session {when}{said}."
        return _Meaning(verdict, summary, possible)
    summary = f"The server answers the reset, then nothing more: silence in the stage {stage}."
    if is_there:
        return _Meaning(Verdict.SILENT, summary, possible)
    lost = Cause(
        "the path or the server failed during the check",
        "a new reset got no answer either",
        causes.SERVER_LOG,
    )
    return _Meaning(Verdict.SILENT, summary, (lost,))


def _is_there(evidence: Sequence[Evidence]) -> bool:
    """Whether the server showed in the failed stage, or after it, that it still answers."""
    silent = find(observations.SILENT_IN, evidence)
    is_heard = silent is not None and values_of(silent, 2)[1] == "acknowledged"
    return is_heard or any(find(each, evidence) for each in _SIGNS_OF_THE_SERVER)


def _of_tunnel(check: Check, evidence: Sequence[Evidence]) -> _Meaning | None:
    """What it means that data is missing, or large data; None if nothing is wrong."""
    failed, tunnel = check.failed_stage, find_tunnel(check, evidence)
    if failed and failed.name == TUNNEL:
        if find(observations.DATA_STOPPED, evidence) or find(observations.ENDED, evidence):
            return _of_stopped_data(evidence)
        if find(observations.KEEPALIVE_ARRIVED, evidence):
            summary = "The tunnel carries data, but no echo came back from inside."
            inner = Cause(
                "the inner address does not answer pings, or the server does not forward to it",
                "a keepalive of the server arrived through the tunnel",
                "on the server: sysctl net.ipv4.ip_forward; nft list ruleset",
            )
            return _Meaning(Verdict.INNER_DEAD, summary, (inner,))
        summary = "The server accepts the login, but nothing comes back through the tunnel."
        if find(observations.DATA_REJECTED, evidence):
            summary = "The server accepts the login, but what comes back through the tunnel cannot be read."
        return _Meaning(Verdict.DATA_DEAD, summary, data_causes.of_dead_data(evidence))
    if failed:
        return _Meaning(
            Verdict.DATA_DEAD,
            "The server accepts the login, but no keepalive came through the tunnel.",
            data_causes.of_dead_data(evidence),
        )
    if unread := data_causes.of_unread_data(evidence):
        summary = "Packets pass through the tunnel, but a client of this profile does not understand all."
        return _Meaning(Verdict.LOSSY, summary, (unread,))
    sizes = first_of_kind(PathMtu, evidence)
    if sizes and sizes.largest_passing < sizes.required:
        cause = Cause(
            "the MTU of the path is smaller than the server believes, and ICMP errors are dropped",
            describe_evidence(sizes),
            "On the server, set mssfix 1300 and tun-mtu 1400.",
        )
        return _Meaning(
            Verdict.MTU_BLACKHOLE, "Small packets pass through the tunnel, large ones do not.", (cause,)
        )
    if tunnel and not tunnel.passive and tunnel.received < tunnel.sent:
        lost = tunnel.sent - tunnel.received
        return _Meaning(Verdict.LOSSY, f"{lost} of {tunnel.sent} echoes through the tunnel were lost.")
    return None


def _of_stopped_data(evidence: Sequence[Evidence]) -> _Meaning:
    """What it means that the session ended, or that data came back first, and nothing at all later."""
    if find(observations.STILL_ANSWERS, evidence) or find(observations.ENDED, evidence):
        summary = "The server accepted the login, then ended the session while data was tested."
        return _Meaning(Verdict.SESSION_REFUSED, summary, data_causes.of_ended_session(evidence))
    summary = "Data came back through the tunnel at first, then nothing more."
    return _Meaning(Verdict.DATA_DEAD, summary, data_causes.of_dead_data(evidence))


def _of_what_was_not_tested(check: Check, evidence: Sequence[Evidence]) -> _Meaning | None:
    """A login that was not allowed, or that did not prove the tunnel; None if all was tested."""
    wrapping = check.framing.split(" ")[0]
    known = "with the right key" if wrapping != _PLAIN else "but anybody could send that answer"
    if why := next((describe(found) for each in _OBSTACLES if (found := find(each, evidence))), ""):
        summary = f"The server answers the reset, {known}. Login and data are not tested: {why}."
        return _Meaning(Verdict.UNPROVEN, summary, causes.of_missing_permission(evidence))
    if find(observations.PUSHED, evidence) is None:
        return _Meaning(
            Verdict.UNPROVEN, f"The server answers the reset, {known}. Login and data are not tested yet."
        )
    tunnel = find_tunnel(check, evidence)
    if tunnel is None or tunnel.received == 0:
        alive = find(observations.KEEPALIVE_ARRIVED, evidence)
        what = "a keepalive came through the tunnel" if alive else "nothing was sent through the tunnel"
        cause = causes.of_missing_echo(evidence)
        return _Meaning(
            Verdict.UNPROVEN, f"The server accepts the login and {what}; no echo was possible.", (cause,)
        )
    return None


def _of_success(check: Check, server: Server, evidence: Sequence[Evidence]) -> _Meaning:
    rtt = check.handshake.rtt if check.handshake else 0.0
    found = find_tunnel(check, evidence)
    tunnel = found.rtt if found else None
    slow = {"the reset": rtt, "data in the tunnel": tunnel or 0.0}
    too_slow = [f"{name} took {format_rtt(took)}" for name, took in slow.items() if took > server.slow]
    if too_slow:
        summary = (
            f"The tunnel works, but {format_list(too_slow)}, above the limit of {format_rtt(server.slow)}."
        )
        cause = Cause("the path or the server is slow", too_slow[0], f"ping {server.endpoint.host}")
        return _Meaning(Verdict.SLOW, summary, (cause,))
    pushed = find(observations.PUSHED, evidence)
    address = values_of(pushed, 1)[0] if pushed else ""
    data = f"echoes came back in {format_rtt(tunnel)}" if tunnel is not None else "data came back"
    summary = f"Reset in {format_rtt(rtt)}, login accepted with {address}, and {data}."
    if untested := find(observations.UNTESTED, evidence):
        summary += (
            f" Not tested: {format_list(each for each in values_of(untested, 6) if each)} of the profile."
        )
    if missing := find_all(observations.NOT_LOOKED_UP, evidence):
        names = format_list(values_of(each, 1)[0] for each in missing)
        summary += f" Not known: whether {names} is revoked."
        return _Meaning(Verdict.UNPROVEN, summary, certificate_causes.of_missing_list(evidence))
    return _Meaning(Verdict.HEALTHY, summary)
