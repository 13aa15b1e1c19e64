"""What `probe` prints: each result as it arrives, or one line of a plugin at the end."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence

from wgmon_tui.checks.inspection import Inspector, LocalInterfaces, LocalPeerView, inspector_of
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.cli.output_format import text_format
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.protocol_settings import has_soak, lets_soak
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.doctor.server import configured_side, verdict_from_round
from wgmon_tui.monitor.models import Round
from wgmon_tui.output.common_causes import CommonCauses
from wgmon_tui.output.json_lines import json_object, one_line
from wgmon_tui.output.local_interface_text import disagreements, interface_object
from wgmon_tui.output.nagios import CheckedServer, PluginState, checkmk_line, nagios_line, state_of
from wgmon_tui.output.result_text import format_brief, format_result, format_verbose
from wgmon_tui.output.text_table import format_totals
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_list, printable

_NO_SOAK_NOTE = "soak not run: --deep runs it"


@dataclass(frozen=True, slots=True)
class LocalInterfaceReading:
    """Interfaces of this machine, read at the Unix time `at`, with the fleet and its keys.

    `interfaces` has only the inspectors that could read any.
    """

    fleet: Fleet
    keyring: Keyring
    interfaces: Mapping[Inspector, LocalInterfaces]
    at: float

    def compare(self, server: Server, outcome: Round) -> tuple[LocalPeerView, ...]:
        """Compare the interfaces' view of the server with the prober's verdict."""
        inspector = inspector_of(server.protocol)
        if inspector is None or inspector not in self.interfaces:
            return ()
        side, found = configured_side(server, self.fleet, self.keyring), verdict_from_round(outcome)
        return inspector.compare_interfaces(side, self.interfaces[inspector], self.at, found)


@dataclass(frozen=True, slots=True)
class CheckedRound:
    """A server, its result, and the reading of this machine's interfaces, which may still run."""

    server: Server
    outcome: Round
    reading: asyncio.Task[LocalInterfaceReading | None]


class PluginOutput:
    """Output for Nagios and checkmk: everything at the end."""

    def __init__(self, servers: Sequence[Server], form: str) -> None:
        self._rounds: dict[str, list[Round]] = {server.name: [] for server in servers}
        self._servers = servers
        self._form = form

    async def add(self, checked: CheckedRound) -> None:
        """Keep a result."""
        self._rounds[checked.server.name].append(checked.outcome)

    def end_round(self) -> None:
        """Do nothing: these systems read one line."""

    def end(self) -> PluginState:
        """Print the lines. Returns the overall state."""
        checked = [CheckedServer(server, tuple(self._rounds[server.name])) for server in self._servers]
        for line in map(checkmk_line, checked) if self._form == "checkmk" else [nagios_line(checked)]:
            print(line)
        return state_of(each.severity for each in checked)


class ResultOutput:
    """Prints each result at once, as text or JSON: a long series must not fill the memory.

    With --quiet, servers that are up are left out; with two of them, all output is.
    """

    def __init__(self, servers: Sequence[Server], arguments: argparse.Namespace) -> None:
        self._servers = servers
        self._arguments = arguments
        self._format = text_format(arguments)
        self._severities: dict[str, Severity] = {}
        self._causes_are_inline = len(servers) == 1 and arguments.count == 1
        self._causes = CommonCauses()
        self._notices = {""}

    async def add(self, checked: CheckedRound) -> None:
        """Print a result; as text, before the interfaces of this machine are known."""
        severity = checked.outcome.diagnosis.verdict.severity
        self._severities[checked.server.name] = severity
        if self._is_left_out(severity):
            return
        if self._arguments.form == "table":
            await self._print_text(checked)
        else:
            await self._print_json(checked)

    def _is_left_out(self, severity: Severity) -> bool:
        quiet: int = self._arguments.quiet
        return quiet > 1 or (quiet == 1 and severity is Severity.UP)

    async def _print_text(self, checked: CheckedRound) -> None:
        if self._arguments.brief:
            print(format_brief(checked.outcome, self._format), flush=True)
            return
        formatted = format_verbose if self._arguments.verbose else format_result
        print(formatted(checked.outcome, self._format, with_causes=self._causes_are_inline), flush=True)
        if not self._causes_are_inline:
            self._causes.add(checked.outcome)
        peers = await self._compare(checked)
        if lines := disagreements(peers or (), self._format):
            print(lines, flush=True)

    async def _print_json(self, checked: CheckedRound) -> None:
        peers = await self._compare(checked)
        interfaces = None if peers is None else [interface_object(each) for each in peers]
        print(one_line({**json_object(checked.outcome), "interfaces": interfaces}), flush=True)

    async def _compare(self, checked: CheckedRound) -> Sequence[LocalPeerView] | None:
        """Return what the interfaces of this machine show of a server; None if they cannot be read."""
        local_view = await checked.reading
        if local_view is None:
            return None
        for notice in {each.notice for each in local_view.interfaces.values()} - self._notices:
            self._notices.add(notice)
            print(f"wgmon-tui: {notice}", file=sys.stderr)
        return local_view.compare(checked.server, checked.outcome)

    def end_round(self) -> None:
        """Print the causes that are new in this round, once for all servers that have them."""
        if lines := self._causes.take(self._format):
            print(lines, flush=True)

    def end(self) -> PluginState:
        """Print the totals. Returns the overall state."""
        if self._arguments.form == "table" and not (self._arguments.quiet or self._arguments.brief):
            self._print_totals()
        return state_of(self._severities.values())

    def _print_totals(self) -> None:
        if len(self._servers) > 1:
            print(format_totals(self._severities.values(), self._format))
        with_soak = [each for each in self._servers if has_soak(each)]
        if with_soak and not self._arguments.deep:
            print(_NO_SOAK_NOTE)
        elif untested := [each.name for each in with_soak if not lets_soak(each)]:
            print(f"soak not run on {printable(format_list(untested))}: tunnel = false in servers.toml")
