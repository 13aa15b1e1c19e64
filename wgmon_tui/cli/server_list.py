"""Print the servers of servers.toml with what the history knows of them. Nothing is checked."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import tomli_w

from wgmon_tui.cells import cell_width
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.stage import find_failed_stage
from wgmon_tui.checks.stage_text import format_stages
from wgmon_tui.cli.commands_to_type import is_writer_running, start_lines
from wgmon_tui.cli.known_servers import KnownServer, read_states
from wgmon_tui.cli.loading import (
    add_nodes,
    no_servers_message,
    print_owners,
    require_directory,
    select_servers,
)
from wgmon_tui.cli.output_format import text_format
from wgmon_tui.config.models import ConfigurationError, Fleet, Server
from wgmon_tui.config.new_server import AddedServer, describe_server
from wgmon_tui.config.protocol_settings import needs_identity, without_secrets
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.config.servers_file import NAME, read
from wgmon_tui.config.servers_toml import server_entries
from wgmon_tui.output.expiry_text import expiry_object, format_left
from wgmon_tui.output.json_lines import Json, in_ms, one_line, stages_object
from wgmon_tui.output.styled_text import Span, TextFormat, TextRole, lay_out, role_of
from wgmon_tui.text import (
    format_age,
    format_count,
    format_iso_time,
    format_recent_time,
    format_rtt,
    format_until,
    format_utc_time,
    in_calendar,
    printable,
)

_HEADINGS = ("STATE", "NAME", "VERDICT", "CHECKED", "ENDPOINT", "IDENTITY")
_LEAST_COLUMNS = 3
_GAP = "  "
_OWN_LINES = ("name", "endpoint", "public_key", "identity")
_HIDDEN = ("preshared_key", "inspect")
"""Beginnings of settings that may hold secrets."""


def print_list(arguments: argparse.Namespace) -> int:
    """Print all servers in the order of the file. Raises ConfigurationError."""
    fleet = _read_fleet(arguments)
    states, now = read_states(arguments.state), time.time()
    found = [states.of(each, now) for each in fleet.servers]
    if arguments.json:
        for each in found:
            print(one_line(_json(each)))
    elif found:
        print(_format_table(found, text_format(arguments)))
    else:
        print(no_servers_message(arguments.config / NAME, arguments.config))
    if not arguments.json:
        _say_if_nobody_checks(found, arguments)
    return 0


def print_servers(arguments: argparse.Namespace) -> int:
    """Print servers with all their settings. Raises ConfigurationError."""
    fleet = _read_fleet(arguments)
    servers = select_servers(fleet, arguments.names)
    states, now = read_states(arguments.state, [each.name for each in servers]), time.time()
    found = [states.of(each, now) for each in servers]
    for number, (server, known) in enumerate(zip(servers, found, strict=True)):
        added, problem = _describe(fleet, server, arguments.config)
        if arguments.json:
            details = _details(fleet, server, added, arguments.config)
            expiries = [expiry_object(each, now) for each in known.expiries]
            print(one_line({**_json(known), **_stages_json(known), "expiries": expiries, **details}))
        else:
            print(("\n" if number else "") + _format_server(fleet, known, added, problem, arguments))
    if not arguments.json:
        _say_if_nobody_checks(found, arguments)
    return 0


def _say_if_nobody_checks(servers: Sequence[KnownServer], arguments: argparse.Namespace) -> None:
    """Say on stderr how checks get into the history, if some server has no new one and nobody makes them."""
    if any(each.history_problem for each in servers):
        return
    missing = [each for each in servers if each.checked_at is None and not each.is_paused]
    old = [each for each in servers if each.is_stale and not each.is_paused]
    if not (missing or old) or is_writer_running(arguments.state):
        return
    why = f"wgmon-tui: no check of {format_count(len(missing), 'server')} is in the history"
    if not missing:
        why = f"wgmon-tui: the last check of {format_count(len(old), 'server')} is old"
    said = lay_out([Span(f"{why}, and no wgmon-tui is running.")], text_format(arguments))
    steps = (f"{what}\n\n{command}" for what, command in start_lines(arguments))
    print("\n".join(["", said, "\n\n".join(steps)]), file=sys.stderr)


def _read_fleet(arguments: argparse.Namespace) -> Fleet:
    print_owners(arguments.config, arguments.state)
    require_directory(arguments.config)
    require_directory(arguments.state)
    return add_nodes(read(arguments.config).fleet, arguments.state)


def _describe(fleet: Fleet, server: Server, config: Path) -> tuple[AddedServer | None, str]:
    """The server with its identity's public key, or why that key cannot be read.

    Neither for a server whose protocol has no identities.
    """
    if not needs_identity(server):
        return None, ""
    try:
        return describe_server(fleet, server, config), ""
    except ConfigurationError as error:
        return None, str(error)


def _format_table(servers: Sequence[KnownServer], shape: TextFormat) -> str:
    """The table; columns that do not fit on the terminal are left out, the last first."""
    rows = [_cells(each, shape) for each in servers]
    widths = [max(map(cell_width, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    while shape.width and len(widths) > _LEAST_COLUMNS and sum(widths) + 2 * (len(widths) - 1) > shape.width:
        widths.pop()
    lines = [_line(_HEADINGS, widths)]
    for each, row in zip(servers, rows, strict=True):
        state, rest = row[0], _line(row, widths)[len(row[0]) :]
        lines.append(shape.coloured(state, role_of(each.severity)) + rest)
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - cell_width(cell)) for cell, width in zip(cells, widths, strict=False))
    return _GAP.join(padded).rstrip()


def _cells(each: KnownServer, shape: TextFormat) -> tuple[str, ...]:
    ends = "" if each.paused_until is None else f" {format_until(each.paused_until, each.now)}"
    return (
        f"{_state(each, shape)}{ends}",
        shape.shown(printable(each.server.name)),
        each.verdict or "-",
        "-" if each.checked_at is None else format_age(each.now - each.checked_at),
        shape.shown(printable(str(each.server.endpoint))),
        shape.shown(printable(each.server.identity)),
    )


def _state(each: KnownServer, shape: TextFormat) -> str:
    return f"{shape.glyph(each.severity)} {each.severity.word}"


def _format_server(
    fleet: Fleet, each: KnownServer, added: AddedServer | None, problem: str, arguments: argparse.Namespace
) -> str:
    """The text of `show`: one fact a line, then the line to type on the server."""
    server, shape = each.server, text_format(arguments)
    facts = [
        ("server", server.name),
        ("state", ", ".join(_state_words(each, shape))),
        ("endpoint", str(server.endpoint)),
    ]
    if needs_identity(server):
        facts += [("public key", str(server.public_key)), ("identity", server.identity)]
    if each.stages:
        facts.insert(2, ("stages", _stages(each, shape)))
    if added:
        facts.append(("its key", str(added.identity_key)))
        facts.append(("its addresses", ", ".join(map(str, added.identity.addresses)) or "none"))
    facts += [("ends", _end(expires, each.now)) for expires in each.expiries]
    facts += [("setting", _on_one_line(*entry)) for entry in _plain_entries(fleet, server).items()]
    files = [arguments.config / NAME, *(added.key_files if added else ())]
    facts += [("file", shown(path)) for path in files]
    width = max(len(label) for label, _ in facts) + len(_GAP)
    lines = [
        lay_out([Span(label.ljust(width), is_whole=True), Span(printable(value))], shape, hanging=width)
        for label, value in facts
    ]
    if added is None and not problem:
        return "\n".join(lines)
    if added is None:
        return "\n".join([*lines, "", lay_out([Span(f"No check is possible: {printable(problem)}")], shape)])
    command = shape.coloured(added.peer_command().line, TextRole.COMMAND)
    return "\n".join([*lines, "", "To admit the identity, type on the server, as root:", "", command])


def _end(expires: Expires, now: float) -> str:
    thing = f"{expires.what} {expires.name}".rstrip()
    left = format_left(expires.at, now)
    when = format_utc_time(expires.at, seconds=False)
    return f"{thing}: {when}, {f'in {left}' if expires.at > now else left}"


def _stages(each: KnownServer, shape: TextFormat) -> str:
    """The stages of the latest stored check, and its age: a check like the one before is not stored."""
    age = format_age(each.now - each.exchange.round.check.started_at) if each.exchange else ""
    return f"{format_stages(each.stages, ascii_only=shape.ascii_only)} ({age})"


def _state_words(each: KnownServer, shape: TextFormat) -> list[str]:
    known, state = each.known, _state(each, shape)
    if each.is_paused:
        who = NAME if each.server.paused else known.paused_by if known else ""
        state += f" by {who}" if who else ""
        if each.paused_until is not None:
            state += f" {format_until(each.paused_until, each.now)}"
    words = [state]
    if each.checked_at is None:
        return [*words, "the history cannot be read" if each.history_problem else "no check in the history"]
    words.append(f"last verdict {each.verdict}" if each.is_stale or each.is_paused else each.verdict)
    if known and known.rtt is not None:
        words.append(format_rtt(known.rtt))
    words.append(f"checked {format_age(each.now - each.checked_at)}")
    if known and known.since is not None and not (each.is_stale or each.is_paused):
        words.append(f"{each.severity.word} since {format_recent_time(known.since, each.now)}")
    if each.mute:
        words.append(f"muted {format_until(each.mute.until, each.now)}")
    return words


def _public_entries(fleet: Fleet, server: Server) -> dict[str, object]:
    entries = server_entries(fleet, server)
    own = {f"{server.protocol}.{key}": value for key, value in without_secrets(server).items()}
    entries.pop(server.protocol, None)
    return {**entries, **own}


def _plain_entries(fleet: Fleet, server: Server) -> dict[str, object]:
    """The settings of the server that are no secret and have no line of their own."""
    return {
        key: value
        for key, value in _public_entries(fleet, server).items()
        if key not in _OWN_LINES and not key.startswith(_HIDDEN)
    }


def _on_one_line(key: str, value: object) -> str:
    """A setting as TOML; tomli_w writes a list over several lines."""
    table, dot, own_key = key.rpartition(".")
    lines = tomli_w.dumps({own_key: value}).split("\n")
    text = " ".join(line.strip() for line in lines).strip()
    return f"{table}{dot}{text.replace('[ ', '[').replace(', ]', ']')}"


def _json(each: KnownServer) -> Json:
    known, server = each.known, each.server
    return {
        "server": server.name,
        "endpoint": str(server.endpoint),
        "public_key": str(server.public_key) if needs_identity(server) else None,
        "identity": server.identity or None,
        "protocol": server.protocol,
        "tags": list(server.tags),
        "severity": each.severity.word,
        "verdict": each.verdict or None,
        "rtt_ms": in_ms(known.rtt) if known else None,
        "checked_at": _iso(each.checked_at),
        "stale": each.is_stale,
        "since": _iso(known.since) if known else None,
        "paused": each.is_paused,
        "paused_by": (NAME if server.paused else (known.paused_by if known else ""))
        if each.is_paused
        else None,
        "paused_until": _iso(each.paused_until),
        "muted_until": _iso(in_calendar(each.mute.until)) if each.mute else None,
    }


def _stages_json(each: KnownServer) -> Json:
    """How far the latest check came; no stages if it is not stored with its packets."""
    failed = find_failed_stage(each.stages)
    return stages_object(each.stages, failed.name if failed else "")


def _details(fleet: Fleet, server: Server, added: AddedServer | None, config: Path) -> Json:
    return {
        "settings": _plain_entries(fleet, server),
        "has_preshared_key": server.preshared_key is not None,
        "identity_public_key": str(added.identity_key) if added else None,
        "identity_addresses": [str(each) for each in added.identity.addresses] if added else None,
        "type_on_server": added.peer_command().line if added else None,
        "files": {
            "servers_toml": str(config / NAME),
            "keys": [str(each) for each in added.key_files] if added else [],
        },
    }


def _iso(at: float | None) -> str | None:
    return None if at is None else format_iso_time(at)
