"""Print until when certificates and keys are valid, from the history. Nothing is checked."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wgmon_tui.cells import cell_width
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.cli.commands_to_type import command_to_type, is_writer_running
from wgmon_tui.cli.loading import add_nodes, print_owners, require_directory, select_servers
from wgmon_tui.cli.output_format import text_format
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.servers_file import read
from wgmon_tui.monitor.expiries import SUBSCRIPTION
from wgmon_tui.output.expiry_text import expiry_object, format_left, severity_of
from wgmon_tui.output.json_lines import one_line
from wgmon_tui.output.styled_text import TextFormat, role_of
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE
from wgmon_tui.subscriptions.quota import Quota
from wgmon_tui.subscriptions.state_file import read_states
from wgmon_tui.text import format_utc_time, printable

_HEADINGS = ("LEFT", "ENDS", "SERVER", "WHAT", "NAME")
_GAP = "  "
Quotas = Mapping[str, Quota]
_EXIT_CODES = {Severity.UP: 0, Severity.DEGRADED: 1, Severity.DOWN: 2}


@dataclass(frozen=True, slots=True)
class _Line:
    server: str
    expires: Expires

    def rank(self) -> tuple[float, str, str, str]:
        return self.expires.at, self.server, self.expires.what, self.expires.name


def print_expiries(arguments: argparse.Namespace) -> int:
    """Print the list. Returns the exit code. Raises ConfigurationError."""
    print_owners(arguments.config, arguments.state)
    require_directory(arguments.config)
    require_directory(arguments.state)
    servers = select_servers(add_nodes(read(arguments.config).fleet, arguments.state), arguments.names)
    now = time.time()
    found = _read(arguments, {each.name for each in servers})
    if arguments.within is not None:
        found = [each for each in found if each.expires.at < now + arguments.within]
    quotas = {name: each.quota for name, each in read_states(arguments.state).items() if each.quota}
    if arguments.json:
        for each in found:
            print(_json(each, quotas, now))
    elif found:
        print(_format_table(found, quotas, text_format(arguments), now))
    else:
        print(_nothing(arguments))
    return max((_EXIT_CODES[severity_of(each.expires.at, now)] for each in found), default=0)


def _read(arguments: argparse.Namespace, names: set[str]) -> list[_Line]:
    """The lines of these servers, the first to end first. Raises ConfigurationError."""
    if not (arguments.state / STORE).exists():
        return []
    try:
        with History(arguments.state / STORE) as history:
            stored = history.expiries()
    except StoreUnavailableError as error:
        raise ConfigurationError(str(error)) from None
    lines = [_Line(server, each) for server in names for each in stored.get(server, ())]
    return sorted(
        lines, key=lambda each: (each.expires.at, each.server, each.expires.what, each.expires.name)
    )


def _nothing(arguments: argparse.Namespace) -> str:
    if arguments.within is not None:
        return "Nothing expires within that time, as far as checks know."
    unknown = (
        "No expiry date is known.\n"
        "Checks of control planes, proxies, OpenVPN and IKEv2 find them. WireGuard keys do not expire.\n"
    )
    if is_writer_running(arguments.state):
        return f"{unknown}wgmon-tui is running, and lists each one here when a check sees it."
    return f"{unknown}\nTo check now, and from now on:\n\n{command_to_type(arguments, 'run')}"


def _quota_of(each: _Line, quotas: Quotas) -> Quota | None:
    return quotas.get(each.expires.name) if each.expires.what == SUBSCRIPTION else None


def _json(each: _Line, quotas: Quotas, now: float) -> str:
    quota = _quota_of(each, quotas)
    traffic = {"used_bytes": quota.used, "total_bytes": quota.total} if quota else {}
    return one_line({"server": each.server, **expiry_object(each.expires, now), **traffic})


def _name(each: _Line, quotas: Quotas) -> str:
    """The name of what expires; for a subscription, also the traffic that is left."""
    quota = _quota_of(each, quotas)
    return f"{each.expires.name}: {quota.left}" if quota and quota.left else each.expires.name


def _format_table(lines: Sequence[_Line], quotas: Quotas, shape: TextFormat, now: float) -> str:
    rows = [
        (
            format_left(each.expires.at, now),
            format_utc_time(each.expires.at, seconds=False),
            shape.shown(printable(each.server)),
            printable(each.expires.what),
            shape.shown(printable(_name(each, quotas))) or "-",
        )
        for each in lines
    ]
    widths = [max(map(cell_width, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    printed = [_line(_HEADINGS, widths)]
    for each, row in zip(lines, rows, strict=True):
        rest = _line(row, widths)[len(row[0]) :]
        severity = severity_of(each.expires.at, now)
        left = row[0] if severity is Severity.UP else shape.coloured(row[0], role_of(severity))
        printed.append(left + rest)
    return "\n".join(printed)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - cell_width(cell)) for cell, width in zip(cells, widths, strict=True))
    return _GAP.join(padded).rstrip()
