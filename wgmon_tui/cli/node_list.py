"""Print the nodes that control planes reported last, from the history. Nothing is checked."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence

from wgmon_tui.cells import cell_width
from wgmon_tui.checks.control_plane_report import Node
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.cli.commands_to_type import command_to_type
from wgmon_tui.cli.loading import print_owners, require_directory, require_known
from wgmon_tui.cli.output_format import text_format
from wgmon_tui.config.control_planes import is_control_plane
from wgmon_tui.config.servers_file import read
from wgmon_tui.exit_codes import ExitCode
from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.output.expiry_text import format_left
from wgmon_tui.output.json_lines import one_line
from wgmon_tui.output.styled_text import TextFormat, TextRole, role_of
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.store_file import STORE
from wgmon_tui.text import format_age, format_count, format_iso_time, printable

_HEADINGS = (
    "NODE", "ONLINE", "LAST SEEN", "TROUBLE", "ADDRESS", "KEY ENDS", "TAGS", "ROUTES", "VERSION",
)  # fmt: skip
_LEFT_OUT_FIRST = ("VERSION", "ROUTES", "TAGS", "KEY ENDS", "ADDRESS")
"""Columns that a narrow terminal does not show."""

_GAP = "  "
_ONLINE = {True: "yes", False: "no", None: "?"}
_ROLES = {True: TextRole.PLAIN, False: role_of(Severity.DEGRADED), None: TextRole.PLAIN}


def print_nodes(arguments: argparse.Namespace) -> int:
    """Print the lists. Returns the exit code. Raises ConfigurationError."""
    print_owners(arguments.config, arguments.state)
    require_directory(arguments.config)
    require_directory(arguments.state)
    planes = [each.name for each in read(arguments.config).fleet.servers if is_control_plane(each)]
    require_known(arguments.planes, planes, "control plane", "servers.toml")
    planes = list(dict.fromkeys(arguments.planes)) or planes
    try:
        reports = _read(arguments)
    except StoreUnavailableError as error:
        print(f"wgmon-tui: {error}", file=sys.stderr)
        return ExitCode.USAGE
    if arguments.json:
        _print_json(planes, reports)
    elif planes:
        print("\n\n".join(_describe(name, reports.get(name), arguments) for name in planes))
    else:
        print("servers.toml has no control plane. docs/control-planes.md says how to add one.")
    return 0


def _read(arguments: argparse.Namespace) -> Mapping[str, NodeReport]:
    """The last reports by control plane. Raises StoreUnavailableError."""
    if not (arguments.state / STORE).exists():
        return {}
    with History(arguments.state / STORE) as history:
        return history.node_reports()


def _print_json(planes: Sequence[str], reports: Mapping[str, NodeReport]) -> None:
    now = time.time()
    for plane in planes:
        if reported := reports.get(plane):
            for node in _in_order(reported):
                print(one_line({"control_plane": plane, **_as_json(node, reported, now)}))


def _as_json(node: Node, reported: NodeReport, now: float) -> dict[str, object]:
    return {
        "reported_at": format_iso_time(reported.at),
        "reported_age_s": max(0, round(now - reported.at)),
        "id": node.id,
        "name": node.name,
        "addresses": [str(each) for each in node.addresses],
        "online": node.online,
        "last_seen": _iso(node.last_seen),
        "last_handshake": _iso(node.last_handshake),
        "key_ends_at": _iso(node.key_expiry),
        "version": node.version,
        "tags": list(node.tags),
        "routes": list(node.routes),
        "public_key": node.public_key,
        "endpoint": node.endpoint,
        "relay": node.relay,
        "trouble": node.trouble,
    }


def _iso(at: float | None) -> str | None:
    return None if at is None else format_iso_time(at)


def _in_order(reported: NodeReport) -> list[Node]:
    """Nodes with trouble first, then those that are offline, then by name."""
    return sorted(
        reported.report.nodes,
        key=lambda node: (not node.trouble, node.online is not False, node.name.lower(), node.id),
    )


def _describe(name: str, reported: NodeReport | None, arguments: argparse.Namespace) -> str:
    shape = text_format(arguments)
    title = shape.coloured(shape.shown(printable(name)), TextRole.NAME)
    if reported is None:
        command = command_to_type(arguments, "run")
        return f"{title}: no report yet. To check now, and from now on:\n\n{command}"
    now, nodes = time.time(), _in_order(reported)
    lines = [f"{title}: {format_count(len(nodes), 'node')}, as reported {format_age(now - reported.at)}"]
    if reported.report.drift:
        fields = ", ".join(map(printable, reported.report.drift))
        lines.append(shape.shown(f"Fields are missing or changed, so facts may be unknown: {fields}"))
    return "\n".join([*lines, *_table(nodes, now, shape)]) if nodes else lines[0]


def _table(nodes: Sequence[Node], now: float, shape: TextFormat) -> list[str]:
    rows = [_HEADINGS, *([shape.shown(cell) for cell in _cells(node, now)] for node in nodes)]
    columns = {heading: cells for heading, *cells in zip(_HEADINGS, *rows, strict=True)}
    columns = {heading: cells for heading, cells in columns.items() if any(cells[1:])}
    widths = {heading: max(map(cell_width, cells)) for heading, cells in columns.items()}
    for heading in _LEFT_OUT_FIRST:
        if shape.width is not None and sum(widths.values()) + len(_GAP) * (len(widths) - 1) > shape.width:
            widths.pop(heading, None)
    lines = []
    for number in range(len(rows)):
        cells = ((columns[heading][number], width) for heading, width in widths.items())
        padded = (cell + " " * (width - cell_width(cell)) for cell, width in cells)
        role = TextRole.NAME if number == 0 else _ROLES[nodes[number - 1].online]
        lines.append(shape.coloured(_GAP.join(padded).rstrip(), role))
    return lines


def _key_end(at: float, now: float) -> str:
    return f"in {format_left(at, now)}" if at > now else format_left(at, now)


def _cells(node: Node, now: float) -> tuple[str, ...]:
    """The cells of a line. When a node that is online was last seen is no news."""
    seen = node.last_seen if node.online is not True else None
    return (
        printable(node.name) or "-",
        _ONLINE[node.online],
        format_age(now - seen) if seen is not None else "",
        printable(node.trouble),
        ", ".join(map(str, node.addresses[:1])),
        _key_end(node.key_expiry, now) if node.key_expiry is not None else "",
        printable(" ".join(node.tags)),
        printable(" ".join(node.routes)),
        printable(node.version),
    )
