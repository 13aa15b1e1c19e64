"""Possible causes of data that does not come through the tunnel, or cannot be read, the likeliest first."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.causes import SERVER_LOG
from wgmon_tui.protocols.openvpn.data_channel import DataFault
from wgmon_tui.protocols.openvpn.observations import describe, find, find_all, values_of

_FORGED, _FRAMING = DataFault.FORGED.name.lower(), DataFault.FRAMING.name.lower()


def of_dead_data(evidence: Sequence[Evidence]) -> list[Cause]:
    """Why nothing comes back through the tunnel."""
    found = [_of_rejected_data(each, evidence) for each in find_all(observations.DATA_REJECTED, evidence)]
    found += [
        Cause(
            "a firewall of the server drops packets from the tunnel",
            "the server assigned an address, and no echo came back",
            "on the server: nft list ruleset; iptables -S",
            "inner-firewall",
        ),
        Cause(
            "the data packets are lost on the path: DPI, or a limit for such flows",
            "the control packets of the same flow pass",
            "on the server: tcpdump -ni any port 1194",
            "path",
        ),
    ]
    return found


def _of_rejected_data(rejected: ProtocolEvidence, evidence: Sequence[Evidence]) -> Cause:
    """Why data packets that came are not accepted."""
    pushed, why = find(observations.PUSHED, evidence), describe(rejected)
    fault, cipher = values_of(rejected, 1)[0], values_of(pushed, 2)[1] if pushed else ""
    if fault == _FORGED and cipher.upper().endswith("CBC"):
        return Cause(
            "auth of the profile is not that of the server",
            f"{why}; with {cipher}, the digest of auth signs data packets, and it is not negotiated",
            "on the server: grep '^auth ' /etc/openvpn/server/*.conf",
            "auth",
        )
    return Cause(
        "both sides frame packets differently (comp-lzo, compress, fragment), or derive different keys",
        why,
        "on the server: grep -E 'compress|comp-lzo|fragment|cipher' /etc/openvpn/server/*.conf",
        "framing",
    )


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
