"""What it means that a silent server answers in another framing: AmneziaWG's parameters, or none.

Experiments find it out: `Target.trials` has the framings that are tried. Each answer authenticates, so it is
proof.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import AMNEZIAWG, WIREGUARD, Server
from wgmon_tui.text import quoted

_WG = re.compile(r"\bwg(?= (?:show|set|showconf|syncconf)\b|-quick (?:save|strip)\b)")

ANSWERS_PLAIN = "answers-plain"
"""The server answers WireGuard without a framing."""

ANSWERS_SET = "answers-set"
"""It answers the parameters of another server, whose name is the value."""

ANSWERS_PARAMETER = "answers-parameter"
"""It answers with one parameter changed: the values are its key, its value, and the server that has it.

A secret has no value.
"""

NO_KEY = "none"
"""The value where the server answers without a header protection key."""


def find_answered(evidence: Sequence[Evidence]) -> ProtocolEvidence | None:
    """The framing in which a server answered."""
    kinds = {ANSWERS_PLAIN: 0, ANSWERS_SET: 1, ANSWERS_PARAMETER: 3}
    return next(
        (
            each
            for each in evidence
            if isinstance(each, ProtocolEvidence)
            and each.protocol == AMNEZIAWG
            and kinds.get(each.kind) == len(each.values)
        ),
        None,
    )


def describe_answered(found: ProtocolEvidence) -> str:
    """Say in one line what a server answered."""
    if found.kind == ANSWERS_PLAIN:
        return "the server answers plain WireGuard"
    if found.kind == ANSWERS_SET:
        return f"the server answers with the AmneziaWG parameters of server {quoted(found.values[0])}"
    key, value, owner = found.values
    if value == NO_KEY:
        return f"the server answers without a header protection key, like server {quoted(owner)}"
    shown = f"{key} = {value}" if value else key
    return f"the server answers with {shown} of server {quoted(owner)}"


def summarise_answered(found: ProtocolEvidence, server: Server) -> str:
    """The summary of a diagnosis."""
    if found.kind == ANSWERS_PLAIN:
        return "The server speaks plain WireGuard, and servers.toml says AmneziaWG: clients get no answer."
    if found.kind == ANSWERS_SET and server.protocol != AMNEZIAWG:
        return "The server speaks AmneziaWG, and servers.toml says WireGuard: clients get no answer."
    if found.kind == ANSWERS_SET:
        return f"The server has the AmneziaWG parameters of server {quoted(found.values[0])}."
    return f"One parameter of AmneziaWG is wrong: {found.values[0]}."


def answered(found: ProtocolEvidence, server: Server) -> Cause:
    """The cause that an answer in another framing proves."""
    if found.kind == ANSWERS_PLAIN:
        return Cause(
            "the server has no parameters of AmneziaWG, and servers.toml has some",
            "it answered the same handshake without them",
            f'in servers.toml, server "{server.name}": protocol = "{WIREGUARD}" '
            "— and delete [server.amneziawg]; or set the parameters on the server",
            proven=True,
        )
    if found.kind == ANSWERS_SET:
        owner = quoted(found.values[0])
        has = "none" if server.protocol != AMNEZIAWG else "others"
        return Cause(
            f"the server has the parameters of {owner}, and servers.toml has {has} for it",
            f"it answered the same handshake with the parameters of {owner}",
            f'in servers.toml, server "{server.name}": protocol = "{AMNEZIAWG}" '
            f"— and copy [server.amneziawg] of {owner}",
            proven=True,
        )
    key, value, owner = found.values
    if value == NO_KEY:
        return Cause(
            "the server has no header protection key, and servers.toml has one",
            f"it answered the same handshake without a key, like {quoted(owner)}",
            f"on the server: awg show wg0 — no key there: delete that of {server.name} in servers.toml",
            proven=True,
        )
    setting = f"{key} = {write_parameter(value)}" if value else f'{key}_file = "FILE"'
    return Cause(
        f"{key} is not that of the server; everything else is right",
        f"it answered the same handshake with the {key} of server {quoted(owner)}",
        f'in servers.toml, server "{server.name}": {setting} '
        f"— in [server.amneziawg]; that of {quoted(owner)}",
        proven=True,
    )


def write_parameter(value: str) -> str:
    """A parameter as TOML: a number, a range in quotes, or a switch."""
    if value in ("on", "off"):
        return "true" if value == "on" else "false"
    return f'"{value}"' if "-" in value else value


def name_awg(advice: str) -> str:
    """Name the programs of AmneziaWG in what to type: `wg` does not see its interfaces."""
    return _WG.sub("awg", advice)
