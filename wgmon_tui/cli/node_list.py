"""Print the nodes that control planes reported last, from the history. Nothing is checked."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wgmon_tui.cells import cell_width, cut_to_cells
from wgmon_tui.checks.control_plane_report import Node
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.cli.commands_to_type import command_to_type, is_writer_running
from wgmon_tui.cli.loading import add_nodes, print_owners, require_directory, require_known
from wgmon_tui.cli.output_format import text_format
from wgmon_tui.config.control_planes import is_control_plane
from wgmon_tui.config.models import ConfigurationError, Server
from wgmon_tui.config.servers_file import read
from wgmon_tui.monitor.freshness import stale_after_s
from wgmon_tui.monitor.node_reports import FoundNode, NodeReport, index_nodes
from wgmon_tui.output.expiry_text import format_left
from wgmon_tui.output.json_lines import one_line
from wgmon_tui.output.styled_text import TextFormat, TextRole, role_of
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.models import LastKnownState
from wgmon_tui.store.store_version import STORE
from wgmon_tui.text import format_age, format_count, format_iso_time, printable

_HEADINGS = (
    "NODE", "ONLINE", "DATA PATH", "LAST SEEN", "TROUBLE", "SERVER", "ADDRESS", "KEY ENDS", "TAGS",
    "ROUTES", "VERSION",
)  # fmt: skip
_LEFT_OUT_FIRST = ("VERSION", "ROUTES", "TAGS", "KEY ENDS", "ADDRESS", "SERVER")
"""Columns that a narrow terminal does not show."""

_CUT = ("NODE", "TROUBLE")
"""Columns that every terminal shows. Each takes at most half of it, but `_LEAST_CELLS` if that is more."""

_LEAST_CELLS = 20

_GAP = "  "
_ONLINE = {True: "yes", False: "no", None: "?"}


@dataclass(frozen=True, slots=True)
class _Row:
    """A node, and the server that checks its data path, if any, with its last verdict and when it was."""

    node: Node
    server: Server | None = None
    known: LastKnownState | None = None

    @property
    def verdict(self) -> Verdict | None:
        return self.known.verdict if self.known else None


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the history knows."""

    reports: Mapping[str, NodeReport] = field(default_factory=dict)
    states: Mapping[str, LastKnownState] = field(default_factory=dict)


def print_nodes(arguments: argparse.Namespace) -> int:
    """Print the lists. Returns the exit code. Raises ConfigurationError."""
    print_owners(arguments.config, arguments.state)
    require_directory(arguments.config)
    require_directory(arguments.state)
    servers = add_nodes(read(arguments.config).fleet, arguments.state).servers
    planes = [each.name for each in servers if is_control_plane(each)]
    require_known(arguments.planes, planes, "control plane", "servers.toml")
    planes = list(dict.fromkeys(arguments.planes)) or planes
    stored = _read(arguments)
    rows = _make_rows(servers, stored)
    if arguments.json:
        for plane in planes:
            for row in rows.get(plane, ()):
                print(one_line({"control_plane": plane, **_as_json(row, stored.reports[plane], time.time())}))
    elif planes:
        shown = (_describe(name, stored.reports.get(name), rows.get(name, ()), arguments) for name in planes)
        print("\n\n".join(shown))
        if missing := [name for name in planes if name not in stored.reports]:
            print(f"\n{_how_to_get_reports(arguments, missing)}")
        unwatched = [row.node for plane in planes for row in rows.get(plane, ()) if row.server is None]
        if unwatched:
            print(f"\n{_describe_unwatched(unwatched)}", file=sys.stderr)
    else:
        print("servers.toml has no control plane. docs/control-planes.md says how to add one.")
    return 0


def _how_to_get_reports(arguments: argparse.Namespace, missing: Sequence[str]) -> str:
    """What to type for control planes that have not reported yet."""
    if not is_writer_running(arguments.state):
        return f"To ask for a report now, and from now on:\n\n{command_to_type(arguments, 'run')}"
    commands = (command_to_type(arguments, "show", name) for name in missing)
    return "wgmon-tui is running. To see what its last check found:\n\n" + "\n".join(commands)


def _describe_unwatched(nodes: Sequence[Node]) -> str:
    """How to check nodes that no server is."""
    text = (
        f"The data path of {format_count(len(nodes), 'node')} is not checked. To check nodes by name or tag, "
        "set watch_names or watch_tags of the control plane in servers.toml."
    )
    if any(node.public_key and node.endpoint for node in nodes):
        text += (
            "\nA node with a public key and an endpoint needs a separate identity, as one more peer."
            "\nNever import the private key of a node: each check would take the session away from it."
        )
    return text


def _read(arguments: argparse.Namespace) -> _Stored:
    """Raises ConfigurationError."""
    if not (arguments.state / STORE).exists():
        return _Stored()
    try:
        with History(arguments.state / STORE) as history:
            return _Stored(history.node_reports(), history.current())
    except StoreUnavailableError as error:
        raise ConfigurationError(str(error)) from None


def _make_rows(servers: Sequence[Server], stored: _Stored) -> dict[str, list[_Row]]:
    """By control plane: bad data paths first, then nodes with trouble, then offline ones, then by name."""
    index = index_nodes(stored.reports)
    checked: dict[FoundNode, Server] = {}
    for server in servers:
        found = index.find(server, server.endpoint.host)
        if found and not is_control_plane(server):
            checked.setdefault(found, server)
    rows = {
        plane: [
            _Row(node, server, stored.states.get(server.name) if server else None)
            for number, node in enumerate(reported.report.nodes)
            for server in (checked.get((plane, number)),)
        ]
        for plane, reported in stored.reports.items()
    }
    return {plane: sorted(each, key=_order) for plane, each in rows.items()}


def _order(row: _Row) -> tuple[int, bool, bool, str, str]:
    severity = row.verdict.severity if row.verdict else Severity.UNKNOWN
    urgency = {Severity.DOWN: 0, Severity.DEGRADED: 1}.get(severity, 2)
    return urgency, not row.node.trouble, row.node.online is not False, row.node.name.lower(), row.node.id


def _as_json(row: _Row, reported: NodeReport, now: float) -> dict[str, object]:
    node = row.node
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
        "server": row.server.name if row.server else None,
        "verdict": row.verdict.slug if row.verdict else None,
        "checked_at": _iso(row.known.checked_at if row.known else None),
    }


def _iso(at: float | None) -> str | None:
    return None if at is None else format_iso_time(at)


def _describe(
    name: str, reported: NodeReport | None, rows: Sequence[_Row], arguments: argparse.Namespace
) -> str:
    shape = text_format(arguments)
    title = shape.coloured(shape.shown(printable(name)), TextRole.NAME)
    if reported is None:
        return f"{title}: no report yet"
    now = time.time()
    lines = [f"{title}: {format_count(len(rows), 'node')}, as reported {format_age(now - reported.at)}"]
    if reported.report.drift:
        fields = ", ".join(map(printable, reported.report.drift))
        lines.append(
            shape.shown(
                f"Facts may be missing, because of fields or lists that could not be read whole: {fields}"
            )
        )
    return "\n".join([*lines, *_table(rows, now, shape)]) if rows else lines[0]


def _table(shown: Sequence[_Row], now: float, shape: TextFormat) -> list[str]:
    most = None if shape.width is None else max(shape.width // 2, _LEAST_CELLS)
    rows = [_HEADINGS, *([shape.shown(cell) for cell in _cells(row, now)] for row in shown)]
    columns = {heading: cells for heading, *cells in zip(_HEADINGS, *rows, strict=True)}
    for heading in _CUT:
        columns[heading] = [_cut(cell, most) for cell in columns[heading]]
    columns = {heading: cells for heading, cells in columns.items() if any(cells[1:])}
    widths = {heading: max(map(cell_width, cells)) for heading, cells in columns.items()}
    for heading in _LEFT_OUT_FIRST:
        if shape.width is not None and sum(widths.values()) + len(_GAP) * (len(widths) - 1) > shape.width:
            widths.pop(heading, None)
    lines = []
    for number in range(len(rows)):
        cells = ((columns[heading][number], width) for heading, width in widths.items())
        padded = (cell + " " * (width - cell_width(cell)) for cell, width in cells)
        role = TextRole.NAME if number == 0 else _role(shown[number - 1])
        lines.append(shape.coloured(_cut(_GAP.join(padded).rstrip(), shape.width), role))
    return lines


def _cut(text: str, most: int | None) -> str:
    """Text in at most so many cells: a long name must not take the other columns, or wrap each line."""
    return text if most is None or cell_width(text) <= most else cut_to_cells(text, most)


def _key_end(at: float, now: float) -> str:
    return f"in {format_left(at, now)}" if at > now else format_left(at, now)


def _role(row: _Row) -> TextRole:
    severity = row.verdict.severity if row.verdict else Severity.UNKNOWN
    if severity in (Severity.DEGRADED, Severity.DOWN):
        return role_of(severity)
    return role_of(Severity.DEGRADED) if row.node.online is False else TextRole.PLAIN


def _data_path(row: _Row, now: float) -> str:
    """The last verdict on the data path; with its age if nobody checks it any more."""
    if row.server is None:
        return ""
    checked_at = row.known.checked_at if row.known else None
    if row.verdict is None or checked_at is None:
        return "not checked yet"
    age = now - checked_at
    is_stale = age > stale_after_s(row.server)
    return f"{row.verdict.slug}, {format_age(age)}" if is_stale else row.verdict.slug


def _cells(row: _Row, now: float) -> tuple[str, ...]:
    """The cells of a line. When a node that is online was last seen is no news."""
    node = row.node
    seen = node.last_seen if node.online is not True else None
    return (
        printable(node.name) or "-",
        _ONLINE[node.online],
        _data_path(row, now),
        format_age(now - seen) if seen is not None else "",
        printable(node.trouble),
        printable(row.server.name) if row.server else "",
        ", ".join(map(str, node.addresses[:1])),
        _key_end(node.key_expiry, now) if node.key_expiry is not None else "",
        printable(" ".join(node.tags)),
        printable(" ".join(node.routes)),
        printable(node.version),
    )
