"""Run `wgmon-tui export`: validate the arguments, read the store, confirm before writing keys."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from wgmon_tui.checks.key_log import KeyLog
from wgmon_tui.checks.protocol import IdentityTarget, ProtocolTarget
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.targets import join
from wgmon_tui.cli.commands_to_type import command_in, command_to_type
from wgmon_tui.cli.loading import explained_socket_errors, require_known, warn_of_held_timestamps
from wgmon_tui.cli.progress import Progress, progress_line
from wgmon_tui.cli.terminal import show_progress
from wgmon_tui.config.models import ConfigurationError, Fleet, Server, write_error
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.control.one_shot_rounds import OneShotRounds
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.output.history_export import ExportRequest, export_parts, format_problem
from wgmon_tui.output.output_files import write_output, write_private
from wgmon_tui.output.pcapng_export import pcapng_of
from wgmon_tui.shutdown import shutdown
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.replaced_values import take_replaced
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.text import did_you_mean, format_bytes, format_count, printable, quoted

_END_OF_TIME = 8e307
"""Unix seconds, later than any record, and also than a damaged one."""

_PARTS_BETWEEN_REPORTS = 256


def check_arguments(arguments: argparse.Namespace) -> None:
    """Check that the arguments fit together, before anything is read or sent. Raises ConfigurationError."""
    problem = format_problem(arguments.kind, arguments.form) or _keys_problem(arguments)
    if problem is None and arguments.incident is not None and arguments.kind != "incidents":
        problem = "--incident is for incidents; type: wgmon-tui export incidents --incident ID"
    if problem is None and arguments.form == "pcapng" and not arguments.output and sys.stdout.isatty():
        problem = "pcapng cannot be shown on a terminal; add --output FILE.pcapng, or use a pipe"
    if problem is None and None not in (arguments.since, arguments.until):
        problem = None if arguments.since < arguments.until else "--since must be before --until"
    if problem:
        raise ConfigurationError(f"export: {problem}")


def _keys_problem(arguments: argparse.Namespace) -> str | None:
    if not arguments.with_keys:
        return "--yes-show-keys needs --with-keys" if arguments.yes_show_keys else None
    if (arguments.kind, arguments.form) != ("exchange", "pcapng"):
        return "--with-keys is for packets; type: wgmon-tui export exchange NAME --format pcapng --with-keys"
    if len(arguments.names) != 1:
        return "--with-keys checks exactly one server now; add its name"
    if arguments.since is not None or arguments.until is not None:
        return "--with-keys makes a new check and reads no history; remove --since and --until"
    if arguments.vantage is not None:
        return "--with-keys checks from this machine; remove --vantage"
    if not arguments.yes_show_keys and not sys.stdin.isatty():
        return "--with-keys needs a confirmation, but stdin is not a terminal; add --yes-show-keys"
    return None


def export_history(arguments: argparse.Namespace) -> int:
    """Export the stored history. Raises ConfigurationError."""
    store = arguments.state / STORE
    with suppress(PermissionError):  # the reader reports it
        if not store.exists():
            raise ConfigurationError(
                f"export: {shown(store)}: no history yet; first start "
                f"`{command_to_type(arguments)}` or `{command_to_type(arguments, 'run')}`"
            )
    try:
        with History(store) as history:
            names = _known(arguments.names, history.names())
            since = -_END_OF_TIME if arguments.since is None else arguments.since
            until = _END_OF_TIME if arguments.until is None else arguments.until
            vantage = _known_vantage(arguments.vantage, history)
            request = ExportRequest(
                arguments.kind, arguments.form, names, since, until, vantage, arguments.incident
            )
            _write(_parts(history, request, arguments.state), arguments.output)
    except StoreUnavailableError as error:
        raise ConfigurationError(str(error)) from None
    if replaced := history.replaced_values + take_replaced():
        values = format_count(replaced, "stored value")
        print(f"wgmon-tui: export: {values} could not be read: replaced or left out", file=sys.stderr)
    return 0


def _parts(history: History, request: ExportRequest, state_dir: Path) -> Iterable[bytes]:
    if request.incident is not None and history.incident(request.incident) is None:
        raise ConfigurationError(
            f"export: no incident {quoted(request.incident)} in the history; "
            f"`{command_in(None, state_dir, 'export', 'incidents')}` lists them"
        )
    if request.form != "markdown":
        return export_parts(history, request)
    from wgmon_tui.cli.incident_markdown import markdown_parts

    return markdown_parts(history, request, state_dir)


def export_with_keys(
    server: Server, fleet: Fleet, keyring: Keyring, timestamps: TimestampLedger, arguments: argparse.Namespace
) -> int:
    """Check a server now and write that exchange so that Wireshark decrypts it. Raises ConfigurationError.

    Packets of earlier checks cannot be decrypted: their ephemeral keys are gone.
    """
    targets = join(replace(fleet, servers=(server,)), keyring)
    if server.name in targets.problems:
        raise ConfigurationError(targets.problems[server.name])
    target, protocol = targets.ready[server.name], find_protocol(server.protocol)
    warning = protocol.key_log_warning(target)
    if not warning:
        raise ConfigurationError(
            f'export: server "{server.name}": Wireshark has no use for keys of {protocol.title}; '
            "remove --with-keys"
        )
    for line in warning:
        print(line, file=sys.stderr)
    if not arguments.yes_show_keys and not _ask_to_confirm(target):
        raise ConfigurationError("export: not confirmed; nothing was checked or written")
    if isinstance(target, IdentityTarget):
        warn_of_held_timestamps(timestamps, [target.private_key.public])
    with progress_line("export") as progress:
        progress.show(f"checking {server.name}")
        outcome, key_logs, parts = shutdown.run(
            _exchange_with_keys(target, timestamps, arguments.state, progress)
        )
    packets = sum(len(check.exchange) for check in outcome.checks)
    if not packets:
        why = printable(outcome.diagnosis.summary)
        raise ConfigurationError(f"export: no packet was sent, so no file was written: {why}")
    _write(parts, arguments.output)
    _write_tables(key_logs, arguments.output)
    verdict = outcome.diagnosis.verdict.slug
    written = shown(arguments.output) if arguments.output else "standard output"
    print(
        f"{printable(server.name)}: {verdict}; wrote {packets} packets with keys to {written}",
        file=sys.stderr,
    )
    return 0


async def _exchange_with_keys(
    target: ProtocolTarget, timestamps: TimestampLedger, state_dir: Path, progress: Progress
) -> tuple[Round, Sequence[KeyLog], list[bytes]]:
    """Make one check without experiments: the other keys they try must not be written to a file."""
    with explained_socket_errors():
        async with OneShotRounds(state_dir, timestamps, show_progress, on_wait=progress.show) as rounds:
            done = await rounds.run_with_keys(target)
    key_logs = find_protocol(target.server.protocol).make_key_logs(target, done.secrets)
    parts = list(pcapng_of([done.outcome], our_port=done.port_for, key_logs=key_logs))
    return done.outcome, key_logs, parts


def _write_tables(key_logs: Sequence[KeyLog], output: Path | None) -> None:
    """Write the key logs that Wireshark does not read from a pcapng file, each to a file of its own."""
    for key_log in key_logs:
        table = key_log.format.table
        if not table:
            continue
        if output is None:
            print(
                f"wgmon-tui: export: Wireshark reads these keys from its table {table}; to get it, "
                "add --output FILE.pcapng",
                file=sys.stderr,
            )
            continue
        place = output.with_name(f"{output.name}.{table}")
        _write([key_log.lines().encode()], place)
        print(
            f"Wireshark decrypts the packets once {shown(place)} is its file {table}; Help, About, Folders "
            "shows where that one is",
            file=sys.stderr,
        )


def _ask_to_confirm(target: ProtocolTarget) -> bool:
    """Ask the operator to confirm by typing the name of the identity; of the server, if it needs none."""
    has_identity, server = isinstance(target, IdentityTarget), target.server
    what, name = ("identity", server.identity) if has_identity else ("server", server.name)
    question = f"To continue, type the name of the {what} ({printable(name)}): "
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == name


def _known(names: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    require_known(names, known, "server", "the history")
    return names or known


def _known_vantage(name: str | None, history: History) -> str | None:
    """Check the vantage's name: it must be in config.toml, or have reports in the store."""
    known = [LOCAL_VANTAGE, *history.vantages().names, *history.last_reports()]
    if name is not None and name not in known:
        names = ", ".join(quoted(each) for each in dict.fromkeys(known))
        hint = did_you_mean(name, known) or f"known: {names}"
        raise ConfigurationError(f"export: no vantage {quoted(name)} in the history; {hint}")
    return name


def _write(parts: Iterable[bytes], output: Path | None) -> None:
    with progress_line("export") as progress:
        _write_parts(_reported(parts, progress), output)


def _reported(parts: Iterable[bytes], progress: Progress) -> Iterator[bytes]:
    """Yield the parts, and show now and then how much that was."""
    progress.show("reading the history")
    size = 0
    for number, part in enumerate(parts):
        if number % _PARTS_BETWEEN_REPORTS == 0 and size:
            progress.show(f"{format_bytes(size)} written")
        size += len(part)
        yield part


def _write_parts(parts: Iterable[bytes], output: Path | None) -> None:
    if output is None:
        write_output(parts)
        return
    try:
        write_private(output, parts)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise write_error(f"export: cannot write {shown(output)}: {error.strerror}", error) from None
