"""Possible causes of data that does not come through the tunnel, or cannot be read, the likeliest first."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.causes import SERVER_LOG
from wgmon_tui.protocols.openvpn.data_channel import DataFault
from wgmon_tui.protocols.openvpn.observations import describe, find, find_all, values_of

_FORGED, _FRAMING, _COMPRESSED, _FRAGMENT = (
    each.name.lower()
    for each in (DataFault.FORGED, DataFault.FRAMING, DataFault.COMPRESSED, DataFault.FRAGMENT)
)
_AUTHENTIC = (_FRAMING, _COMPRESSED, _FRAGMENT)
"""Faults of packets that authenticated: the server sent them."""

_FRAMING_OPTIONS = {"comp-lzo": "comp-lzo or compress", "mtu-dynamic": "fragment"}
"""What the options of a server say (options.c: options_string), and the directives that mean it."""

_OWN_FAULTS = {"comp-lzo": _COMPRESSED, "mtu-dynamic": _FRAGMENT}
"""How packets fail where only the profile has it."""


def of_dead_data(evidence: Sequence[Evidence]) -> list[Cause]:
    """Why nothing comes back through the tunnel. What came, and cannot be read, was not dropped."""
    rejected = find_all(observations.DATA_REJECTED, evidence)
    found = [_of_rejected_data(each, evidence) for each in rejected]
    if not any(values_of(each, 1)[0] in _AUTHENTIC for each in rejected):
        found.append(
            Cause(
                "a firewall of the server drops packets from the tunnel",
                "the server assigned an address, and no echo came back",
                "on the server: nft list ruleset; iptables -S",
                "inner-firewall",
            )
        )
    if not rejected:
        found.append(
            Cause(
                "the data packets are lost on the path: DPI, or a limit for such flows",
                "the control packets of the same flow pass",
                "on the server: tcpdump -ni any port 1194",
                "path",
            )
        )
    return found


def _of_rejected_data(rejected: ProtocolEvidence, evidence: Sequence[Evidence]) -> Cause:
    """Why data packets that came are not accepted."""
    pushed, why = find(observations.PUSHED, evidence), describe(rejected)
    fault, cipher = values_of(rejected, 1)[0], values_of(pushed, 2)[1] if pushed else ""
    options = _options_of_server(evidence)
    if fault == _FORGED and cipher.upper().endswith("CBC"):
        own = next((f"; the server has {each}" for each in options if each.startswith("auth ")), "")
        return Cause(
            "auth of the profile is not that of the server",
            f"{why}; with {cipher}, the digest of auth signs data packets, and it is not negotiated{own}",
            "on the server: grep '^auth ' /etc/openvpn/server/*.conf",
            "auth",
        )
    for word, directives in _FRAMING_OPTIONS.items():
        has_server = word in options
        if options and (fault, has_server) in ((_FRAMING, True), (_OWN_FAULTS[word], False)):
            has = "the server has it, and the profile has not" if has_server else "only the profile has it"
            return Cause(
                f"both sides must have {directives}, or neither: {has}",
                f"the server told its options; {why}",
                f"on the server: grep -E '{directives.replace(' or ', '|')}' /etc/openvpn/server/*.conf",
                "framing",
                proven=True,
            )
    return Cause(
        "both sides frame packets differently (comp-lzo, compress, fragment), or derive different keys",
        why,
        "on the server: grep -E 'compress|comp-lzo|fragment|cipher' /etc/openvpn/server/*.conf",
        "framing",
    )


def _options_of_server(evidence: Sequence[Evidence]) -> Sequence[str]:
    """What the server told of its configuration; empty if it told nothing."""
    keys = find(observations.KEYS, evidence)
    return values_of(keys, 1)[0].split(",") if keys else ()


def of_unread_data(evidence: Sequence[Evidence]) -> Cause | None:
    """Why a client of this profile does not read some packets, while others pass; None if it reads all."""
    kinds = {values_of(each, 1)[0]: each for each in find_all(observations.DATA_REJECTED, evidence)}
    return _of_rejected_data(kinds[_FRAMING], evidence) if _FRAMING in kinds else None


def of_ended_session(evidence: Sequence[Evidence]) -> list[Cause]:
    """Why the server ended a session that carried data, while it still answers others."""
    ended = find(observations.ENDED, evidence)
    why = describe(ended or find(observations.STILL_ANSWERS, evidence))
    return [
        Cause(
            "another client logged in with this certificate or account",
            f"a server without duplicate-cn keeps one session of each common name; {why}",
            "on the server: journalctl -u 'openvpn*' | grep 'previous active sessions'",
            "duplicate-cn",
        ),
        Cause("the server was restarted during the check", why, SERVER_LOG, "restarted"),
    ]
