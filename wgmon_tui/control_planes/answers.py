"""What a control plane answered, as evidence and in words.

`answer` has the name of the request, a word, and a detail; `unread` has the same of a request that a check
can do without. `waiting` has the time for which the API asked for no request. `part` has the name of a
part, `works` or `broken`, and a detail. `nodes` has the number of nodes, of those online, and of those that
may be either; `last-seen` the latest time that it reports of one. `relay` has a name, `works`, `broken` or
`unknown`, and a detail. `unprobed` has the number of relays that were left out, and of those that a check
probes at most; `unlisted` a region that is in no DERP map. `drift` has names of fields, `partial` those of
lists, `version` a version, `warning` a sentence. `connection` and `certificate` say why there was no request.
"""

from __future__ import annotations

from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.text import format_count, format_list, format_rtt, printable

OK = "ok"
TOKEN_REFUSED = "token-refused"  # noqa: S105
LIMITED = "limited"
SERVER_ERROR = "server-error"
REDIRECTED = "redirected"
UNEXPECTED = "unexpected"
NO_JSON = "no-json"
NO_HTTP = "no-http"
CUT_OFF = "cut-off"
TOO_LARGE = "too-large"
SILENT = "silent"

REFUSED, RESET, UNREACHABLE, NO_TLS = "refused", "reset", "unreachable", "no-tls"
TLS_SILENT = "tls-silent"
NO_SOCKET, NO_PERMISSION = "no-socket", "no-permission"
"""Words of `connection`; SILENT is one too."""

WORKS, BROKEN, UNKNOWN = "works", "broken", "unknown"

_ANSWERS = {
    OK: "is answered",
    TOKEN_REFUSED: "is refused: the token is wrong, expired, or lacks a right",
    LIMITED: "is answered with: too many requests",
    SERVER_ERROR: "is answered with an error of the control plane",
    REDIRECTED: "is sent to another address, which is not followed: the token is for this host only",
    UNEXPECTED: "is answered with an unexpected status",
    NO_JSON: "is answered with something that is no JSON, or is cut off",
    NO_HTTP: "gets no valid HTTP answer",
    CUT_OFF: "is answered in part: the connection ends in the midst of the answer",
    TOO_LARGE: "is answered with more data than is read",
    SILENT: "is not answered in time",
}
_CONNECTIONS = {
    SILENT: "the connection does not open in time",
    TLS_SILENT: "TLS is not answered in time",
    REFUSED: "the port refuses connections",
    RESET: "the connection was reset",
    UNREACHABLE: "the path reports the host as unreachable",
    NO_TLS: "the port accepts connections, but does not speak TLS",
    NO_SOCKET: "there is no socket at the path of servers.toml",
    NO_PERMISSION: "this account may not open the socket",
}
_RELAY_STATES = {WORKS: "works", BROKEN: "does not work", UNKNOWN: "may work or not"}
_MOST_FIELDS = 5


def values_of(evidence: ProtocolEvidence, count: int) -> tuple[str, ...]:
    """The first values, safe to show; "" for those that another machine left out."""
    return (*map(printable, evidence.values[:count]), *("",) * (count - len(evidence.values)))


def describe(evidence: ProtocolEvidence) -> str:
    """Say in one line what was found."""
    first, second, third = values_of(evidence, 3)
    took = f" after {format_rtt(evidence.at)}" if evidence.at is not None else ""
    detail = f" ({third})" if third else ""
    match evidence.kind:
        case "answer":
            return f"the request for {first} {_ANSWERS.get(second, second)}{detail}{took}"
        case "unread":
            return f"the request for {first} {_ANSWERS.get(second, second)}{detail}, so they are not known"
        case "waiting":
            return f"it asked for fewer requests: nothing is sent to it for {first} more"
        case "connection":
            return f"{_CONNECTIONS.get(first, first)}{took}"
        case "certificate":
            return f"the certificate is not trusted: {first}"
        case "part":
            return f"it reports that its {first} {'works' if second == WORKS else 'does not work'}{detail}"
        case "nodes":
            return f"it reports {describe_nodes(evidence)}"
        case "last-seen":
            return f"it last noticed a node at {first}"
        case "drift":
            names = format_list(map(printable, evidence.values), most=_MOST_FIELDS)
            return f"fields are missing or changed, so facts about nodes are unknown: {names}"
        case "partial":
            names = format_list(map(printable, evidence.values), most=_MOST_FIELDS)
            return f"a list is longer than what is read, so nodes or keys may be missing: {names}"
        case "version":
            return f"it is version {first}"
        case "relay":
            return f"the relay {first} {_RELAY_STATES.get(second, second)}{detail}{took}"
        case "unprobed":
            left_out = format_count(_number(first), "more relay")
            return f"{left_out} of servers.toml not probed: a check probes at most {second}"
        case "unlisted":
            return f"the relays of the region {first} were not probed: no DERP map that could be read has it"
        case "warning":
            return f"it warns: {first}"
    return evidence.kind


def describe_nodes(evidence: ProtocolEvidence) -> str:
    """The number of nodes, and how many are online if the control plane knows that."""
    number, online, unknown = map(_number, values_of(evidence, 3))
    text = format_count(number, "node")
    return f"{text}, {online} online" if unknown < number else text


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
