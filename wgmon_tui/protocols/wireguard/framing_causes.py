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
from wgmon_tui.text import format_list, quoted

_WG = re.compile(r"\bwg(?= (?:show|set|showconf|syncconf)\b|-quick (?:save|strip)\b)")

ANSWERS_PLAIN = "answers-plain"
"""The server answers WireGuard without a framing."""

ANSWERS_SET = "answers-set"
"""It answers the parameters of another server, whose name is the value."""

ANSWERS_PARAMETER = "answers-parameter"
"""It answers with one parameter changed: the values are its key, its value, and the server that has it.

A secret has no value. Without a server, the answer itself showed the value.
"""

DATA_PASSES = "data-passes"
"""Data comes back with other parameters for data packets: the values are the server that has them, and a key
and a value for each. Without a server, they are those of plain WireGuard.
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
    if found.kind == DATA_PASSES:
        return f"data comes back with {_with_values(found)}"
    key, value, owner = found.values
    if value == NO_KEY:
        return f"the server answers without a header protection key, like server {quoted(owner)}"
    shown = f"{key} = {value}" if value else key
    return f"the server answers with {shown}" + (f" of server {quoted(owner)}" if owner else "")


def _with_values(found: ProtocolEvidence) -> str:
    """The parameters with which data passes, and whose they are."""
    owner, *words = found.values
    pairs = zip(words[::2], words[1::2], strict=False)
    return f"{format_list(f'{key} = {value}' for key, value in pairs)} of " + (
        f"server {quoted(owner)}" if owner else "plain WireGuard"
    )


def summarise_answered(found: ProtocolEvidence, server: Server) -> str:
    """The summary of a diagnosis."""
    if found.kind == ANSWERS_PLAIN:
        return "The server speaks plain WireGuard, and servers.toml says AmneziaWG: clients get no answer."
    if found.kind == ANSWERS_SET and server.protocol != AMNEZIAWG:
        return "The server speaks AmneziaWG, and servers.toml says WireGuard: clients get no answer."
    if found.kind == ANSWERS_SET:
        return f"The server has the AmneziaWG parameters of server {quoted(found.values[0])}."
    key, value, _ = found.values
    has = "none" if value == NO_KEY else value or "another one"
    return f"A parameter of AmneziaWG is wrong: {key}. The server has {has}."


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
    whose = f"the {key} of server {quoted(owner)}" if owner else f"the {key} that its answer showed"
    return Cause(
        f"{key} is not that of the server; everything else is right",
        f"it answered the same handshake with {whose}",
        f'in servers.toml, server "{server.name}": {setting} '
        f"— in [server.amneziawg]" + (f"; that of {quoted(owner)}" if owner else ""),
        proven=True,
    )


def find_passing(evidence: Sequence[Evidence]) -> ProtocolEvidence | None:
    """The parameters of data packets with which data came back."""
    return next(
        (
            each
            for each in evidence
            if isinstance(each, ProtocolEvidence)
            and (each.protocol, each.kind) == (AMNEZIAWG, DATA_PASSES)
            and len(each.values) in (3, 5)
        ),
        None,
    )


def summarise_passing(found: ProtocolEvidence) -> str:
    """The summary of a diagnosis where only data is framed wrongly."""
    return f"The handshake works, but data comes back only with {_with_values(found)}."


def passing(found: ProtocolEvidence, server: Server) -> Cause:
    """The cause that data in another framing proves."""
    words = found.values[1:]
    pairs = list(zip(words[::2], words[1::2], strict=False))
    setting = "; ".join(f"{key} = {write_parameter(value)}" for key, value in pairs)
    verb = "is" if len(pairs) == 1 else "are"
    those = "that" if len(pairs) == 1 else "those"
    return Cause(
        f"{format_list(key for key, _ in pairs)} {verb} not {those} of the server; everything else is right",
        f"data came back through the same session with {_with_values(found)}, and not without",
        f'in servers.toml, server "{server.name}": {setting} — in [server.amneziawg]',
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
