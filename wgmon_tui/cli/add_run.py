"""Run `wgmon-tui add`: write the server, say what to type there, wait for the first good check."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.cli.add_sources import add_from_files, add_from_words, is_files
from wgmon_tui.cli.commands_to_type import (
    NOBODY_CHECKS,
    command_to_type,
    is_writer_running,
    start_lines,
)
from wgmon_tui.cli.loading import load_fleet, open_timestamp_ledger, warn_of_held_timestamps
from wgmon_tui.cli.output_format import text_format, wrap_line
from wgmon_tui.cli.server_login import LoginResult, ServerLogin
from wgmon_tui.config import servers_file
from wgmon_tui.config.models import ConfigurationError, Server
from wgmon_tui.config.new_server import AddedServer
from wgmon_tui.config.peer_command import PeerCommand
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.exit_codes import ExitCode
from wgmon_tui.monitor.models import Round
from wgmon_tui.output.json_lines import json_object, one_line
from wgmon_tui.output.nagios import CheckedServer, state_of
from wgmon_tui.output.result_text import format_result
from wgmon_tui.output.styled_text import Span, TextFormat, TextRole, lay_out
from wgmon_tui.shutdown import StoppedBySignalError, shutdown
from wgmon_tui.text import FEW, format_list, printable

_HANDSHAKE_ONLY = (
    "Only the handshake is checked. To check the data path too, add --tunnel-address ADDRESS: "
    "an address in the tunnel that no peer has."
)


@dataclass(frozen=True, slots=True)
class AddedServers:
    """The servers to wait for, and what was not added. `needs_peer`: the servers must learn a key first.

    `without_identity` are servers of protocols that need none; `new` are the names of those that were added.
    """

    servers: tuple[AddedServer, ...]
    faults: tuple[str, ...] = ()
    needs_peer: bool = True
    without_identity: tuple[Server, ...] = ()
    new: frozenset[str] = frozenset()

    @property
    def all_servers(self) -> list[Server]:
        """The entries of all."""
        return [*(each.server for each in self.servers), *self.without_identity]

    @property
    def names(self) -> list[str]:
        """Their names, each once."""
        return list(dict.fromkeys(each.name for each in self.all_servers))


def run(arguments: argparse.Namespace) -> int:
    """Add servers, and return the exit code of their checks. Raises ConfigurationError."""
    login = ServerLogin.of(arguments.ssh, has_consent=arguments.yes) if arguments.ssh else None
    if arguments.yes and login is None:
        raise ConfigurationError("add: --yes needs --ssh HOST")
    added = _add(arguments)
    if not added.all_servers:
        return ExitCode.USAGE
    commands = _peer_commands(added, arguments.interface)
    for command in commands:
        _say(arguments, _instructions(command, added.servers))
    sys.stdout.flush()
    wait_s = 0.0 if arguments.no_wait else arguments.wait
    if login is not None and login.run_all(commands, added.servers) is LoginResult.FAILED_UNATTENDED:
        wait_s = 0.0  # nobody is there who could type the line
    rounds = {} if arguments.no_wait else _wait(arguments, added, wait_s)
    return _finish(arguments, added, rounds)


def _say(arguments: argparse.Namespace, lines: Iterable[str | Span]) -> None:
    """Print lines for a person; a command stays on one line. With --json, standard output is not for them."""
    shape = TextFormat() if arguments.json else text_format(arguments)
    for line in lines:
        span = line if isinstance(line, Span) else Span(printable(line))
        print(lay_out([span], shape), file=sys.stderr if arguments.json else sys.stdout)


def _add(arguments: argparse.Namespace) -> AddedServers:
    """Write the servers, and print what was done. Raises ConfigurationError."""
    if not is_files(arguments.words):
        one = add_from_words(arguments)
        _say(arguments, _describe(one))
        return AddedServers((one,))
    done = add_from_files(arguments)
    _say(arguments, done.lines)
    sys.stdout.flush()
    for fault in done.faults:
        error_width = arguments.terminal.width if arguments.terminal.is_error_output else None
        print(wrap_line(f"wgmon-tui: {fault}", error_width), file=sys.stderr)
    needs_peer = not arguments.use_file_key
    return AddedServers(done.servers, done.faults, needs_peer, done.without_identity, done.new)


def _describe(added: AddedServer) -> list[str]:
    """What was written, and where."""
    server, identity = added.server, added.identity
    file = shown(added.servers_toml)
    what = f"added to {file}"
    if not added.is_new:
        changed = "has new tunnel addresses" if added.is_changed else "nothing was changed"
        what = f"is in {file} already; {changed}"
    file_of_key = added.private_key_file
    key_file = f"; private key: {shown(file_of_key)}" if file_of_key else ""
    made = "Created" if added.has_new_key else "Uses"
    return [
        f'Server "{server.name}" ({server.endpoint}) {what}',
        f'{made} identity "{identity.name}"{key_file}',
        *added.notices,
    ]


def _peer_commands(added: AddedServers, interface: str) -> list[PeerCommand]:
    """The commands to type, each once: most servers share an identity."""
    if not added.needs_peer:
        return []
    commands: list[PeerCommand] = []
    for each in added.servers:
        command = each.peer_command(interface)
        if command not in commands:
            commands.append(command)
    return commands


def _instructions(command: PeerCommand, servers: Sequence[AddedServer]) -> Iterator[str | Span]:
    """What to type on the server, each command alone on its line."""
    mine = [each for each in servers if each.peer_command(command.interface) == command]
    where = "the server" if len(mine) == 1 else "each server"
    yield from ("", f"Type on {where}, as root:", "", _command(command.line), "")
    if command.has_preshared_key:
        yield f"It reads the preshared key: paste it from {_psk_files(mine)}, then Enter, Ctrl+D."
        yield ""
    yield from (f"To keep the peer after a restart of {command.interface}:", "", _command(command.save_line))
    if any(each.is_handshake_only for each in mine):
        yield from ("", _HANDSHAKE_ONLY)


def _command(line: str) -> Span:
    return Span(line, TextRole.COMMAND, is_whole=True)


def _psk_files(servers: Sequence[AddedServer]) -> str:
    files = (each.preshared_key_file for each in servers)
    return format_list((shown(path) for path in files if path), most=FEW) or "where you keep it"


def _wait(arguments: argparse.Namespace, added: AddedServers, wait_s: float) -> dict[str, Round]:
    """Check until the servers are up, or the time is over. Raises ConfigurationError."""
    from wgmon_tui.cli.add_attempts import AttemptLog
    from wgmon_tui.cli.add_wait import WaitOptions, wait_until_up

    names = added.names
    fleet, keyring = load_fleet(arguments.config)
    options = WaitOptions(arguments.config, arguments.state, wait_s)
    with open_timestamp_ledger(arguments.state) as timestamps:
        warn_of_held_timestamps(timestamps, {each.identity_key for each in added.servers})
        error_width = arguments.terminal.width if arguments.terminal.is_error_output else None

        def say(line: str) -> None:
            print(wrap_line(printable(line), error_width), file=sys.stderr, flush=True)

        attempts = AttemptLog(names, say)

        def say_stopped() -> None:
            say(f"wgmon-tui: {attempts.describe_stop()}. To check, type:")
            print(f"\n{command_to_type(arguments, 'probe', *names[:FEW])}", file=sys.stderr, flush=True)

        try:
            with shutdown.undone_if_killed(say_stopped):
                return shutdown.run(wait_until_up(fleet, keyring, names, timestamps, options, attempts))
        except StoppedBySignalError:
            say_stopped()
            raise


def _finish(arguments: argparse.Namespace, added: AddedServers, rounds: dict[str, Round]) -> int:
    """Print the results, and return the exit code."""
    checked = []
    described = {each.server.name: each for each in added.servers}
    for server in added.all_servers:
        outcome = rounds.get(server.name)
        if outcome is not None:
            checked.append(CheckedServer(server, (outcome,)))
        if arguments.json and (each := described.get(server.name)):
            print(one_line(_json(each, outcome, arguments.interface)))
        elif arguments.json:
            file = arguments.config / servers_file.NAME
            print(
                one_line(_json_without_identity(server, str(file), outcome, is_new=server.name in added.new))
            )
        elif outcome is not None:
            shape = text_format(arguments)
            print(f"\n{format_result(outcome, shape)}")
            if outcome.diagnosis.verdict.severity is Severity.UP:
                print(lay_out([Span(printable(outcome.diagnosis.summary))], shape, indent=4, hanging=4))
    if not arguments.json:
        _say(arguments, _what_follows(arguments, added, has_checked=bool(checked)))
    if added.faults:
        return ExitCode.USAGE
    return state_of(each.severity for each in checked).value if checked else 0


def _what_follows(
    arguments: argparse.Namespace, added: AddedServers, *, has_checked: bool
) -> Iterator[str | Span]:
    """What to type so that the servers are checked: now, or from now on if nobody does it."""
    if not has_checked:
        probe = command_to_type(arguments, "probe", *_few_names(added))
        yield from ("", "To check, type:", "", _command(probe))
    elif not is_writer_running(arguments.state):
        yield from ("", NOBODY_CHECKS)
        for what, command in start_lines(arguments):
            yield from (what, "", _command(command), "")


def _few_names(added: AddedServers) -> list[str]:
    return added.names if len(added.names) <= FEW else []


def _json_without_identity(
    server: Server, servers_toml: str, outcome: Round | None, *, is_new: bool
) -> dict[str, object]:
    return {
        "server": server.name,
        "endpoint": str(server.endpoint),
        "protocol": server.protocol,
        "added": is_new,
        "files": {"servers_toml": servers_toml},
        "result": None if outcome is None else json_object(outcome),
    }


def _json(added: AddedServer, outcome: Round | None, interface: str) -> dict[str, object]:
    return {
        "server": added.server.name,
        "endpoint": str(added.server.endpoint),
        "public_key": str(added.server.public_key),
        "added": added.is_new,
        "identity": {
            "name": added.identity.name,
            "public_key": str(added.identity_key),
            "created": added.has_new_key,
            "addresses": [str(each) for each in added.identity.addresses],
        },
        "type_on_server": added.peer_command(interface).line,
        "files": {
            "servers_toml": str(added.servers_toml),
            "keys": [str(each) for each in added.key_files],
        },
        "result": None if outcome is None else json_object(outcome),
    }
