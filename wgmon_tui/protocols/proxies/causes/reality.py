"""Causes of a server of REALITY that shows the site that it imitates."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.proxies import findings
from wgmon_tui.protocols.proxies.causes.clock import of_untried_clock
from wgmon_tui.protocols.proxies.causes.secret import of_other_protocol
from wgmon_tui.protocols.proxies.findings import first_of, of_kind
from wgmon_tui.protocols.proxies.words import describe_own


def of_reality(server: Server, layer_fault: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """REALITY fails. What an experiment tried in vain is no cause; no experiment can try another key."""
    if layer_fault != "refused":
        return of_other_protocol(server)
    tried = {each.values[0] for each in of_kind(findings.TRIED, evidence)}
    why = "the server answers with the certificate of another site, as it does to strangers"
    found = [
        Cause(
            "the public key of the link (pbk) is not that of the server",
            why,
            "on the server: xray x25519 -i PRIVATE_KEY",
        ),
        Cause("the server does not know the short id of the link (sid)", why, "compare shortIds"),
        Cause("the server does not know the name of the link (sni)", why, "compare serverNames"),
    ]
    if no_mlkem := first_of(findings.NO_MLKEM, evidence):
        found.insert(0, _of_missing_mlkem(no_mlkem))
    if "client-version" not in tried:
        found.append(
            Cause("the server refuses the version of this client", why, "compare minClientVer, maxClientVer")
        )
    found.append(of_untried_clock(evidence, why, "compare maxTimeDiff; timedatectl"))
    return found


def _of_missing_mlkem(found: ProtocolEvidence) -> Cause:
    return Cause(
        "the server wants a key share of X25519MLKEM768, as Xray does from 26.9.8 on",
        describe_own(found),
        "pip install --upgrade 'cryptography>=48'",
    )
