"""Run `remove`, `pause` and `resume`: changes of servers that also work beside a running wgmon-tui."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wgmon_tui.cli.commands_to_type import command_to_type
from wgmon_tui.cli.loading import add_nodes, require_directory, select_servers
from wgmon_tui.cli.terminal import ask, can_ask
from wgmon_tui.config.control_planes import explain_node
from wgmon_tui.config.models import ConfigurationError, Fleet, Server
from wgmon_tui.config.new_server import describe_server
from wgmon_tui.config.peer_command import USUAL_INTERFACE
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.config.server_edits import delete_servers
from wgmon_tui.config.servers_file import NAME, read, update
from wgmon_tui.daemon.pause_request import PauseAnswer, PauseRequest, request_pause
from wgmon_tui.exit_codes import ExitCode
from wgmon_tui.output.json_lines import one_line
from wgmon_tui.shutdown import shutdown
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE
from wgmon_tui.text import FEW, format_count, format_iso_time, format_list, format_until, printable

EXIT_DECLINED = 1
"""The question was answered with no."""


def remove(arguments: argparse.Namespace) -> int:
    """Remove servers from servers.toml. Raises ConfigurationError."""
    fleet, servers = _selected(arguments)
    for each in servers:
        if each.control_plane:
            raise ConfigurationError(f"remove: {explain_node(each)}")
    file = shown(arguments.config / NAME)
    if not arguments.yes and not _ask_to_remove(
        f"Remove {_names(servers)} from {file}? {_history_stays(servers)}"
    ):
        print("Nothing was removed.", file=sys.stderr)
        return EXIT_DECLINED
    peer_lines = _peer_lines(fleet, servers, arguments)
    deleted = delete_servers(arguments.config, [each.name for each in servers])
    if arguments.json:
        for each in servers:
            print(one_line({"server": each.name, "removed": True, "history_kept": True}))
        return 0
    print(printable(f"Removed {_names(servers)} from {file}. {_history_stays(servers)}"))
    for line in (*deleted.lines, *peer_lines):
        print(line)
    return 0


def pause(arguments: argparse.Namespace) -> int:
    """Pause servers. Raises ConfigurationError."""
    _, servers = _selected(arguments)
    until = None if arguments.time is None else time.time() + arguments.time
    if until is not None and (fixed := [each for each in servers if each.paused]):
        raise ConfigurationError(
            f"pause: {_names(fixed)}: paused = true in servers.toml has no end; "
            f"first type: {command_to_type(arguments, 'resume', *(each.name for each in fixed))}"
        )
    answer = _request(arguments, servers, paused=True, until=until)
    if arguments.json:
        end = None if until is None else format_iso_time(until)
        for each in servers:
            print(one_line({"server": each.name, "paused": True, "until": end}))
        return _code_of(answer)
    end = "until resumed" if until is None else format_until(until, time.time())
    print(printable(f"Paused {_names(servers)} {end}."))
    if not answer.by_writer:
        print("No wgmon-tui is running. The next one keeps the pause.")
    return _code_of(answer)


def resume(arguments: argparse.Namespace) -> int:
    """Resume servers, also those that servers.toml pauses. Raises ConfigurationError."""
    _, servers = _selected(arguments)
    notice = None
    if any(each.paused for each in servers):
        notice = update(
            arguments.config, lambda fleet: _resumed(fleet, {each.name for each in servers})
        ).notice
    paused = {each.name for each in servers if each.paused} | _paused_in_history(arguments.state)
    answer = _request(arguments, servers, paused=False, until=None)
    if arguments.json:
        for each in servers:
            print(one_line({"server": each.name, "paused": False, "until": None}))
        return _code_of(answer)
    resumed = [each for each in servers if each.name in paused]
    others = [each for each in servers if each.name not in paused]
    if resumed:
        print(printable(f"Resumed {_names(resumed)}."))
    if others:
        print(
            printable(
                f"Nothing to resume: {_names(others)} {'is' if len(others) == 1 else 'are'} not paused."
            )
        )
    if notice:
        print(notice)
    if not answer.by_writer:
        probe = command_to_type(arguments, "probe")
        print(f"No wgmon-tui is running, so nobody checks now. To check once, type: {probe}")
    return _code_of(answer)


def _code_of(answer: PauseAnswer) -> int:
    """The exit code: a pause that the history cannot take is lost with the process that keeps it."""
    return ExitCode.OUTPUT_FAILED if answer.is_unwritable else 0


def _paused_in_history(state: Path) -> set[str]:
    """The servers that a person paused; all changes there are stored at once."""
    if not (state / STORE).exists():
        return set()
    try:
        with History(state / STORE) as history:
            return {name for name, each in history.current().items() if each.paused_since is not None}
    except StoreUnavailableError:
        return set()


def _selected(arguments: argparse.Namespace) -> tuple[Fleet, tuple[Server, ...]]:
    """The fleet, and the named servers, each once. Raises ConfigurationError."""
    require_directory(arguments.config)
    require_directory(arguments.state)
    fleet = add_nodes(read(arguments.config).fleet, arguments.state)
    return fleet, select_servers(fleet, list(dict.fromkeys(arguments.names)))


def _request(
    arguments: argparse.Namespace, servers: Sequence[Server], *, paused: bool, until: float | None
) -> PauseAnswer:
    request = PauseRequest(tuple(each.name for each in servers), paused, until)
    answer = shutdown.run(request_pause(arguments.config, arguments.state, request))
    if answer.warning:
        print(f"wgmon-tui: {answer.warning}", file=sys.stderr)
    return answer


def _resumed(fleet: Fleet, names: set[str]) -> Fleet:
    servers = (replace(each, paused=False) if each.name in names else each for each in fleet.servers)
    return replace(fleet, servers=tuple(servers))


def _peer_lines(fleet: Fleet, servers: Sequence[Server], arguments: argparse.Namespace) -> list[str]:
    """What to type where the peer of the checks is to be removed as well."""
    if len(servers) > 1:
        return []
    from wgmon_tui.config.inspect_command import named_interface

    interface = named_interface(servers[0]) or USUAL_INTERFACE
    try:
        peer = describe_server(fleet, servers[0], arguments.config).peer_command(interface)
    except ConfigurationError:
        return []
    said = "The server still admits the key of the checks. To remove it there, type as root:"
    return [said, "", peer.removal_line]


def _history_stays(servers: Sequence[Server]) -> str:
    return "Its history stays." if len(servers) == 1 else "Their history stays."


def _names(servers: Sequence[Server]) -> str:
    if len(servers) > FEW:
        return format_count(len(servers), "server")
    return format_list(f'"{each.name}"' for each in servers)


def _ask_to_remove(question: str) -> bool:
    """Ask whether to remove. Raises ConfigurationError where nobody can answer."""
    if not can_ask():
        raise ConfigurationError("remove: asks before it removes; without a terminal, add --yes")
    return ask(question)
