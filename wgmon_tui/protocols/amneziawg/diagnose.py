"""The diagnosis of an AmneziaWG check: that of WireGuard, with the causes that only a framing has. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.checks.check import Check, Direction
from wgmon_tui.checks.context_evidence import WorkedUntil
from wgmon_tui.checks.evidence import (
    Evidence,
    ForeignBytes,
)
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.amneziawg.guessed_parameter import guess_parameter
from wgmon_tui.protocols.amneziawg.layout import Layout
from wgmon_tui.protocols.wireguard import diagnose as wireguard
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis, is_contradicted
from wgmon_tui.protocols.wireguard.framing_causes import find_passing, name_awg, passing, summarise_passing

_SHOW = "on the server: awg show wg0"
_IGNORED = "Jc, Jmin, Jmax and I1 to I5 need not match: the server ignores those packets"


def diagnose(
    check: Check,
    server: Server,
    recent: Sequence[float | None] = (),
    standing: Sequence[Evidence] = (),
    *,
    is_explained_by_loss: bool = False,
) -> Diagnosis:
    """Diagnose a check. The arguments are those of WireGuard's `diagnose`."""
    found = _with_awg(
        wireguard.diagnose(check, server, recent, standing, is_explained_by_loss=is_explained_by_loss)
    )
    is_proven = bool(found.causes) and found.causes[0].proven
    evidence = (*check.evidence, *standing)
    if found.verdict is Verdict.SILENT and not is_proven:
        return _with_cause(found, _parameters_differ(), evidence)
    if found.verdict is Verdict.DATA_DEAD and (passes := find_passing(evidence)):
        proven, summary = passing(passes, server), summarise_passing(passes)
        return replace(found, verdict=Verdict.WRONG_PARAMETERS, summary=summary, causes=(proven,))
    if found.verdict is Verdict.DATA_DEAD and not is_proven:
        return _with_cause(found, _data_parameters_differ(), evidence)
    if found.verdict is Verdict.NOT_WIREGUARD and any(isinstance(each, ForeignBytes) for each in evidence):
        return _explain_unframed(check, server, found)
    return found


def _with_awg(found: Diagnosis) -> Diagnosis:
    causes = (replace(each, fix=name_awg(each.fix)) for each in found.causes)
    return replace(found, causes=tuple(causes))


def _with_cause(found: Diagnosis, cause: Cause, evidence: Sequence[Evidence]) -> Diagnosis:
    """Add a cause that no evidence disproves.

    It is the first one if the server never worked with these parameters, else the last one.
    """
    if is_contradicted(cause.hypothesis, evidence):
        return found
    worked = first_of_kind(WorkedUntil, evidence) is not None
    return replace(found, causes=(*found.causes, cause) if worked else (cause, *found.causes))


def _parameters_differ() -> Cause:
    return Cause(
        "S1, H1 or the header protection key is not that of the server",
        f"the server drops such packets in silence. {_IGNORED}",
        f"{_SHOW} — S1 to S4, H1 to H4 and the header protection key must be those of servers.toml",
        Hypothesis.FRAMING,
    )


def _data_parameters_differ() -> Cause:
    return Cause(
        "S4 or H4 is not that of the server",
        f"the handshake works, and the server drops data packets with another S4 or H4. {_IGNORED}",
        f"{_SHOW} — S4 and H4 must be those of servers.toml",
        Hypothesis.DATA_FRAMING,
    )


def _explain_unframed(check: Check, server: Server, found: Diagnosis) -> Diagnosis:
    """Explain an answer that is no message of the parameters: its length and its header tell the real ones.

    A server answers only initiations that it can read, so S1, H1 and the header protection key are right.
    """
    layout = Layout.parse(check.framing)
    lengths = {each.length for each in check.evidence if isinstance(each, ForeignBytes)}
    received = [each.data for each in check.exchange if each.direction is Direction.RECEIVED]
    unframed = [each for each in received if len(each) in lengths]
    if layout is None:
        return found
    guess = next((guess for each in unframed if (guess := guess_parameter(each, layout))), None)
    if guess is None:
        return found
    key, value = guess.key.upper(), guess.value
    cause = Cause(
        f"{key} is not that of the server",
        f"{guess.why}. It answers only what it can read, so S1 and H1 are right",
        f'in servers.toml, server "{server.name}": {guess.key} = {value} '
        "— in [server.amneziawg]; on the server, awg show tells the value",
        "awg-answer-parameters",
    )
    summary = f"An answer arrives, but it is not framed as servers.toml says: {key} seems to be {value}."
    return replace(found, summary=summary, causes=(cause, *found.causes))
