"""Diagnosis of the check of a control plane: evidence in, verdict and ranked causes out."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.starvation import doubt_if_starved
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.control_planes import LOCAL_API, ControlPlaneSettings
from wgmon_tui.config.models import Server
from wgmon_tui.control_planes import answers
from wgmon_tui.control_planes.answers import describe, describe_nodes, values_of
from wgmon_tui.text import format_count, format_list, format_rtt

Found = tuple[Verdict, str, tuple[Cause, ...]]

_FAILED_ANSWERS = {
    answers.SERVER_ERROR: Verdict.API_FAILED,
    answers.REDIRECTED: Verdict.API_FAILED,
    answers.UNEXPECTED: Verdict.API_FAILED,
    answers.NO_JSON: Verdict.API_FAILED,
    answers.TOO_LARGE: Verdict.API_FAILED,
    answers.CUT_OFF: Verdict.API_FAILED,
    answers.NO_HTTP: Verdict.WRONG_PROTOCOL,
    answers.TOKEN_REFUSED: Verdict.AUTH_FAILED,
    answers.LIMITED: Verdict.UNPROVEN,
    answers.SILENT: Verdict.SILENT,
}
_CONNECTIONS = {
    answers.REFUSED: Verdict.PORT_CLOSED,
    answers.RESET: Verdict.PORT_CLOSED,
    answers.UNREACHABLE: Verdict.UNREACHABLE,
    answers.NO_TLS: Verdict.WRONG_PROTOCOL,
    answers.SILENT: Verdict.SILENT,
    answers.TLS_SILENT: Verdict.SILENT,
    answers.NO_SOCKET: Verdict.PORT_CLOSED,
    answers.NO_PERMISSION: Verdict.MISCONFIGURED,
}

_WITHOUT_A_WORD = frozenset(
    (answers.SILENT, answers.TLS_SILENT, answers.RESET, answers.CUT_OFF, answers.UNKNOWN)
)
"""What goes wrong without a word of the other side: it also closes on a client that says nothing."""


def diagnose(title: str, check: Check, server: Server, standing: Sequence[Evidence]) -> Diagnosis:
    """Diagnose a check that this machine could make. `title` is the name of the kind of control plane."""
    evidence = [each for each in check.evidence if isinstance(each, ProtocolEvidence)]
    verdict, summary, causes = (
        _find_broken_part(evidence)
        or _find_failure(title, evidence, server)
        or _find_drift(title, evidence)
        or _find_partial_list(title, evidence)
        or _find_bad_relay(evidence)
        or _judge_success(evidence, check, server)
    )
    failed = check.failed_stage
    texts = tuple(map(describe_evidence, (*check.evidence, *standing)))
    diagnosis = Diagnosis(verdict, summary, texts, causes, failed.name if failed else "")
    return doubt_if_starved(diagnosis, check, server, is_by_time=_is_by_time(evidence))


def _is_by_time(evidence: Sequence[ProtocolEvidence]) -> bool:
    """Whether all that went wrong is something that did not come in time."""
    words = {word for each in evidence if (word := _word_of_failure(each)) is not None}
    return bool(words) and words <= _WITHOUT_A_WORD


def _word_of_failure(evidence: ProtocolEvidence) -> str | None:
    """How a part of the check failed; None if it did not."""
    first, second, _ = values_of(evidence, 3)
    match evidence.kind:
        case "connection":
            return first
        case "answer" | "relay" | "part":
            return second if second not in (answers.OK, answers.WORKS) else None
        case "certificate" | "waiting" | "drift" | "partial" | "unprobed" | "unlisted":
            return evidence.kind
    return None


def _find_broken_part(evidence: Sequence[ProtocolEvidence]) -> Found | None:
    parts = [values_of(each, 3) for each in evidence if each.kind == "part"]
    broken = [name for name, state, _ in parts if state == answers.BROKEN]
    if not broken:
        return None
    named = format_list(broken)
    cause = Cause(
        f"the {broken[0]} of the control plane",
        f"it says so itself: {named}",
        "On the control plane, read its log: journalctl -e",
        proven=True,
    )
    return Verdict.BACKEND_DOWN, f"It answers, and reports that its {named} does not work.", (cause,)


def _find_failure(title: str, evidence: Sequence[ProtocolEvidence], server: Server) -> Found | None:
    for each in evidence:
        first, second, third = values_of(each, 3)
        if each.kind == "certificate":
            return (
                Verdict.BAD_CERTIFICATE,
                f"Its certificate is not trusted: {first}.",
                (_certificate(server),),
            )
        if each.kind == "waiting":
            return Verdict.UNPROVEN, _sentence(each, server), _answer_causes(title, server, answers.LIMITED)
        if each.kind == "connection" and first in _CONNECTIONS:
            return _CONNECTIONS[first], _sentence(each, server), (_connection_cause(first, server),)
        if each.kind == "answer" and second in _FAILED_ANSWERS:
            return (
                _FAILED_ANSWERS[second],
                _sentence(each, server),
                _answer_causes(title, server, second, third),
            )
    return None


def _find_drift(title: str, evidence: Sequence[ProtocolEvidence]) -> Found | None:
    drift = next((each for each in evidence if each.kind == "drift"), None)
    if drift is None:
        return None
    cause = Cause(
        f"a release of {title} that this version of wgmon-tui does not know",
        describe(drift),
        "wgmon-tui --version",
    )
    return Verdict.UNPROVEN, f"It answers, but {describe(drift)}.", (cause,)


_OF_GATEWAYS = ("HTTP 502", "HTTP 504")
"""Bad gateway and gateway timeout (RFC 9110 §15.6): a proxy got no answer of the server behind it."""


def _find_partial_list(title: str, evidence: Sequence[ProtocolEvidence]) -> Found | None:
    partial = next((each for each in evidence if each.kind == "partial"), None)
    if partial is None:
        return None
    cause = Cause(
        f"{title} lists more than wgmon-tui reads", "the answer says that more follows", "wgmon-tui nodes"
    )
    return Verdict.UNPROVEN, f"It answers, but {describe(partial)}.", (cause,)


def _find_bad_relay(evidence: Sequence[ProtocolEvidence]) -> Found | None:
    """A relay that does not work, or is not known to: other paths may work without it."""
    relays = [each for each in evidence if each.kind == "relay"]
    broken = [each for each in relays if values_of(each, 2)[1] == answers.BROKEN]
    unknown = [each for each in relays if values_of(each, 2)[1] == answers.UNKNOWN]
    left_out = [each for each in evidence if each.kind in ("unprobed", "unlisted")]
    if not broken and not unknown and not left_out:
        return None
    found = []
    if broken:
        verb = "does not work" if len(broken) == 1 else "do not work"
        found.append(f"{len(broken)} of {format_count(len(relays), 'relay')} {verb}: {_name_relays(broken)}")
    if unknown:
        found.append(
            f"nothing shows whether {_name_relays(unknown)} {'works' if len(unknown) == 1 else 'work'}"
        )
    found += map(describe, left_out)
    causes = tuple(
        Cause(f"the relay {values_of(each, 1)[0]} is down", values_of(each, 3)[2], _relay_command(each))
        for each in broken
    )
    return Verdict.UNPROVEN, f"Its API answers, but {'; '.join(found)}.", causes


def _name_relays(evidence: Sequence[ProtocolEvidence]) -> str:
    """The names of relays, the first one with what is known of it."""
    first, *others = evidence
    name, _, detail = values_of(first, 3)
    named = f"{name} ({detail})" if detail else name
    return format_list([named, *(values_of(each, 1)[0] for each in others)], most=3)


def _relay_command(evidence: ProtocolEvidence) -> str:
    """What shows the same from a shell."""
    address = values_of(evidence, 1)[0].rpartition(" ")[2]
    scheme, _, rest = address.partition(":")
    host, _, port = rest.removeprefix("//").rpartition(":")
    match scheme:
        case "derps":
            return f"curl -v https://{host}:{port}/derp/probe"
        case "derp":
            return f"curl -v http://{host}:{port}/derp/probe"
        case "stun":
            return f"nc -u -v -w 2 {host} {port}"
    return f"openssl s_client -connect {host}:{port} </dev/null"


def _judge_success(evidence: Sequence[ProtocolEvidence], check: Check, server: Server) -> Found:
    if check.handshake is None:
        return Verdict.SILENT, "No answer of its API.", ()
    nodes = next((f": {describe_nodes(each)}" for each in evidence if each.kind == "nodes"), "")
    rtt = check.handshake.rtt
    if rtt > server.slow:
        return Verdict.SLOW, f"The API answers, but only after {format_rtt(rtt)}{nodes}.", ()
    return Verdict.HEALTHY, f"The API answers in {format_rtt(rtt)}{nodes}.", ()


def _sentence(evidence: ProtocolEvidence, server: Server) -> str:
    text = describe(evidence)
    path = _socket_of(server)
    return f"{text[0].upper()}{text[1:]}{f': {path}' if path else ''}."


def _certificate(server: Server) -> Cause:
    host, port = server.endpoint.host, server.endpoint.port
    return Cause(
        "its certificate, or the authorities that are trusted here",
        "TLS ended at the certificate, before the token was sent",
        f"openssl s_client -connect {host}:{port} -servername {host} </dev/null | openssl x509 -noout -text",
    )


def _socket_of(server: Server) -> str:
    settings = server.protocol_settings
    return settings.socket if isinstance(settings, ControlPlaneSettings) else ""


def _socket_cause(word: str, path: str) -> Cause:
    if word == answers.NO_PERMISSION:
        return Cause(
            f"the rights of {path}, or of its directories", "the system refused to open it", f"ls -l {path}"
        )
    return Cause("tailscaled is not running", f"nothing listens on {path}", "systemctl status tailscaled")


def _connection_cause(word: str, server: Server) -> Cause:
    if path := _socket_of(server):
        return _socket_cause(word, path)
    host, port = server.endpoint.host, server.endpoint.port
    if word == answers.NO_TLS:
        return Cause(
            "http instead of https on that port", "the bytes are no TLS", f"curl -v http://{host}:{port}/"
        )
    if word == answers.REFUSED:
        return Cause("the control plane is not running", "the host itself refuses", f"ssh {host} ss -lntp")
    return Cause(
        "a firewall, or the network on the path", "nothing came back", f"curl -v https://{host}:{port}/"
    )


def _answer_causes(title: str, server: Server, word: str, detail: str = "") -> tuple[Cause, ...]:
    settings = server.protocol_settings
    url = str(settings.url) if isinstance(settings, ControlPlaneSettings) else str(server.endpoint)
    log = "On the control plane, read its log: journalctl -e"
    if path := _socket_of(server):
        return (_local_answer_cause(word, path),)
    match word:
        case answers.TOKEN_REFUSED:
            return (
                Cause("the token has expired or was revoked", "the API refused it", "Make a new token."),
                Cause(
                    "the token lacks a right", "some APIs refuse only some requests", "Compare its scopes."
                ),
            )
        case answers.LIMITED:
            return (
                Cause(
                    "this API is asked too often",
                    "it says so; the next check waits as long as it wants",
                    'Set a longer interval, such as: interval = "5m"',
                    proven=True,
                ),
            )
        case answers.SERVER_ERROR if detail in _OF_GATEWAYS:
            return (
                Cause(
                    f"{title} does not run, or the proxy in front of it does not reach it",
                    f"{detail} is the answer of a proxy, not of the API",
                    log,
                ),
            )
        case answers.CUT_OFF:
            return (
                Cause(f"{title}, or a proxy in front of it, ends connections", "an answer began", log),
                Cause("the network on the path", "a firewall can end connections", f"curl -v {url}"),
            )
        case answers.SERVER_ERROR:
            return (Cause(f"a fault inside of {title}", "the status is one of the server's", log),)
        case answers.SILENT:
            return (
                Cause(f"{title} hangs, or its database does", "it connects, but does not answer", log),
                Cause("a timeout that is too short", f"it is {format_rtt(server.timeout)}", f"curl -v {url}"),
            )
    return (
        Cause("the URL leads to something else", "another server or a proxy answers there", f"curl -v {url}"),
        Cause(f"a release of {title} that has no such API", "paths move between releases", log),
    )


def _local_answer_cause(word: str, path: str) -> Cause:
    """The cause of a failed answer on a socket of this machine."""
    ask = f"curl --unix-socket {path} http://{LOCAL_API.host}/localapi/v0/status"
    if word == answers.TOKEN_REFUSED:
        return Cause("this account may not read from tailscaled", "it knows who asks", "id")
    return Cause("tailscaled fails or hangs, or another program has the socket", "it connects", ask)
