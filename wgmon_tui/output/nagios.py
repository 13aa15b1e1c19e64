"""Plugin output for Nagios and Icinga, and for checkmk's local checks.

One line per call or per server: a state, a sentence, and performance data. These systems read everything
after a `|`, and a second line, as performance data: text from outside must contain neither.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.models import Round
from wgmon_tui.records import dataclass

LONGEST_LINE = 8000
"""Bytes. Nagios cuts output at 8 KiB, even in the middle of a number."""

_NAMED = 8
"""Maximum number of servers named in one line; the others are counted."""

_SEVERAL_PROTOCOLS = "WGMON-TUI"
_SENTENCE = 240
_PLAIN_LABEL = re.compile(r"[A-Za-z0-9_.-]+")


class PluginState(Enum):
    """The exit codes of the Monitoring Plugins guidelines."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_STATES = {
    Severity.UP: PluginState.OK,
    Severity.DEGRADED: PluginState.WARNING,
    Severity.DOWN: PluginState.CRITICAL,
    Severity.UNKNOWN: PluginState.UNKNOWN,
}
_WORST_FIRST = (PluginState.CRITICAL, PluginState.WARNING, PluginState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class CheckedServer:
    """A server and its check rounds, at least one, oldest first. The last one decides."""

    server: Server
    rounds: tuple[Round, ...]

    @property
    def severity(self) -> Severity:
        """Return the severity of the last round."""
        return self.rounds[-1].diagnosis.verdict.severity


@dataclass(frozen=True, slots=True)
class PerformanceValue:
    """One performance value, with a warning threshold `warn`."""

    label: str
    value: float
    unit: str
    warn: float | None = None
    most: float | None = None


def state_of(severities: Iterable[Severity]) -> PluginState:
    """Return the overall state: down before degraded before unknown before up."""
    states = {_STATES[each] for each in severities}
    return next((state for state in _WORST_FIRST if state in states), PluginState.OK)


# Nagios and Icinga


def nagios_line(checked: Sequence[CheckedServer]) -> str:
    """Return all servers on one line, worst first."""
    state = state_of(each.severity for each in checked)
    said = f"{_service(checked)} {state.name} - {_summary(checked)}"
    line = _with_figures(said, _figures_of_all(checked))
    if len(line.encode()) <= LONGEST_LINE:
        return line
    # Dropping only some values would leave gaps in graphs: a line that is too long has only the totals.
    return _with_figures(said, _totals(checked))


def _service(checked: Sequence[CheckedServer]) -> str:
    """The first word of the line, which names the service: the protocol, or this program for several."""
    protocols = {each.server.protocol for each in checked}
    return protocols.pop().upper() if len(protocols) == 1 else _SEVERAL_PROTOCOLS


def _with_figures(said: str, figures: Iterable[PerformanceValue]) -> str:
    written = " ".join(map(_nagios_figure, figures))
    return f"{said} | {written}" if written else said


def nagios_trouble(problem: str) -> str:
    """Return the line for a run that could check nothing."""
    return f"WIREGUARD {PluginState.UNKNOWN.name} - {one_line(problem)}"


def _summary(checked: Sequence[CheckedServer]) -> str:
    if len(checked) == 1:
        return _sentence(checked[0])
    counts = Counter(each.severity for each in checked)
    ranked = sorted(counts, key=lambda severity: severity.rank)
    said = ", ".join(f"{counts[severity]} {severity.word}" for severity in ranked)
    unwell = sorted(
        (each for each in checked if each.severity is not Severity.UP), key=lambda each: each.severity.rank
    )
    if unwell:
        said += ": " + "; ".join(map(_sentence, unwell[:_NAMED]))
    return said + (f"; and {len(unwell) - _NAMED} more" if len(unwell) > _NAMED else "")


def _figures_of_all(checked: Sequence[CheckedServer]) -> Iterator[PerformanceValue]:
    if len(checked) == 1:
        yield from _figures(checked[0])
        return
    yield from _totals(checked)
    for each in checked:
        yield from _figures(each, f"{each.server.name} ")


def _totals(checked: Sequence[CheckedServer]) -> Iterator[PerformanceValue]:
    counts = Counter(each.severity for each in checked)
    for severity in _STATES:
        bad = severity is not Severity.UP
        yield PerformanceValue(severity.word, counts[severity], "", 0 if bad else None, len(checked))


def _nagios_figure(figure: PerformanceValue) -> str:
    label = one_line(figure.label).replace("=", "_").replace("'", "_")
    quoted = label if _PLAIN_LABEL.fullmatch(label) else f"'{label}'"
    return f"{quoted}={_number(figure.value)}{figure.unit};{_levels(figure)}".rstrip(";")


# checkmk


def checkmk_line(checked: CheckedServer) -> str:
    """Return a server as a separate service, in the format of checkmk's local checks."""
    name = one_line(f"WireGuard {checked.server.name}").replace('"', "_").replace("'", "_")
    figures = "|".join(
        f"{each.label}={_number(each.value)};{_levels(each)}".rstrip(";") for each in _figures(checked)
    )
    return f'{state_of([checked.severity]).value} "{name}" {figures or "-"} {_sentence(checked)}'


def checkmk_trouble(problem: str) -> str:
    """Return the line for a run that could check nothing."""
    return f'{PluginState.UNKNOWN.value} "WireGuard" - {one_line(problem)}'


# Parts of both formats


def one_line(text: str) -> str:
    """Return `text` as one line without `|`, and without backslashes, which could be read as escapes."""
    shown = (character if character.isprintable() else " " for character in text)
    return " ".join("".join(shown).replace("|", "/").replace("\\", "/").split())


def _sentence(checked: CheckedServer) -> str:
    diagnosis = checked.rounds[-1].diagnosis
    said = one_line(f"{checked.server.name} {diagnosis.verdict.slug}: {diagnosis.summary}")
    return said if len(said) <= _SENTENCE else f"{said[:_SENTENCE].rstrip()} ..."


def _figures(checked: CheckedServer, prefix: str = "") -> Iterator[PerformanceValue]:
    """Yield RTT and tunnel values of the last round, and the loss over all; only measured values."""
    check = checked.rounds[-1].measured_check
    if check.handshake:
        yield PerformanceValue(f"{prefix}rtt", check.handshake.rtt, "s", checked.server.slow)
    checks = [each.measured_check for each in checked.rounds]
    if sent := sum(each.sent for each in checks):
        lost = sum(each.handshake.retransmits if each.handshake else each.sent for each in checks)
        yield PerformanceValue(f"{prefix}loss", 100 * lost / sent, "%", most=100)
    tunnel = check.tunnel
    if tunnel and tunnel.rtt is not None:
        yield PerformanceValue(f"{prefix}tunnel_rtt", tunnel.rtt, "s")
    if tunnel and tunnel.sent and not tunnel.passive:
        yield PerformanceValue(
            f"{prefix}tunnel_loss", 100 * (1 - tunnel.received / tunnel.sent), "%", most=100
        )
    if tunnel and tunnel.mtu is not None:
        yield PerformanceValue(f"{prefix}tunnel_mtu", tunnel.mtu, "B")


def _levels(figure: PerformanceValue) -> str:
    """Return warn;crit;min;max. The minimum is 0; there is no critical level: the verdict decides "down"."""
    warn = "" if figure.warn is None else _number(figure.warn)
    most = "" if figure.most is None else _number(figure.most)
    return f"{warn};;0;{most}"


def _number(value: float) -> str:
    """Format a number without scientific notation, which these systems cannot read."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
