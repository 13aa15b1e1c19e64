"""Commands `import` (servers from wg-quick files or running interfaces) and `keygen` (a new identity)."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.cli.arguments import Subparsers, directory_options
from wgmon_tui.cli.commands_to_type import command_to_type
from wgmon_tui.cli.loading import select_servers
from wgmon_tui.cli.output_format import wrap_line
from wgmon_tui.cli.progress import progress_line
from wgmon_tui.config.models import WIREGUARD, ConfigurationError
from wgmon_tui.text import printable, quoted

if TYPE_CHECKING:
    from wgmon_tui.config.imports.import_report import ImportReport
    from wgmon_tui.config.imports.wg_dump_parser import InterfaceDumps

_MAX_DUMP_BYTES = 16 << 20

_EXIT_FAULTS = 64
"""Some files or peers were not imported: the exit code of every bad configuration (cli/main.py)."""


def add_commands(subparsers: Subparsers) -> None:
    """Add `import` and `keygen`."""
    import_parser = subparsers.add_parser(
        "import",
        parents=[directory_options()],
        help="import servers from files, share links or running interfaces",
        description="Import servers from wg-quick files, OpenVPN profiles, share links and lists of proxies; "
        "with --wg, from running interfaces: every peer with an endpoint. With --identity, that identity "
        "checks WireGuard servers. Without it, the key of a file becomes an identity; the key "
        "of an interface is never used. What is good is imported; each fault is named with its file "
        "and line, and the exit code is then 64.",
    )
    import_parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE.conf",
        help="files, directories or zip archives of them; -: a file or links from standard input",
    )
    import_parser.add_argument(
        "--wg",
        nargs="?",
        const="all",
        metavar="INTERFACE|-",
        help="import from one or all interfaces of this machine (needs CAP_NET_ADMIN); "
        "-: read the output of `wg show all dump` from standard input",
    )
    import_parser.add_argument(
        "--through", metavar="SERVER", help="like --wg, from the interface that this server's `inspect` shows"
    )
    import_parser.add_argument("--identity", metavar="NAME", help="the identity that checks the new servers")
    import_parser.set_defaults(run=import_servers)

    keygen_parser = subparsers.add_parser(
        "keygen",
        parents=[directory_options()],
        help="create a key pair for monitoring",
        description="Create an identity with a new key pair, and print its [Peer] stanza for the server's "
        "configuration.",
    )
    keygen_parser.add_argument(
        "name", metavar="NAME", help="name of the new identity, for example this machine's name"
    )
    keygen_parser.add_argument("--address", action="append", default=[], metavar="ADDRESS/LENGTH",
                       help="unused tunnel address for the identity; may be repeated")  # fmt: skip
    keygen_parser.set_defaults(run=keygen)


def import_servers(arguments: argparse.Namespace) -> int:
    """Import servers: from wg-quick files with their identities, or from interfaces without."""
    from wgmon_tui.config.imports.remarks import listed_lines

    width = arguments.terminal.width
    from_wg = arguments.wg or arguments.through
    report = _from_interfaces(arguments) if from_wg else _from_files(arguments)
    for line in report.lines:
        print(wrap_line(line, width))
    if report.added:
        print(wrap_line(f"Next: {command_to_type(arguments, 'probe')}", width))
    error_width = width if arguments.terminal.is_error_output else None
    if report.warning:
        print(f"\n{wrap_line(report.warning, error_width)}", file=sys.stderr)
    sys.stdout.flush()
    for line in listed_lines(report.faults):
        print(wrap_line(f"wgmon-tui: {line}", error_width), file=sys.stderr)
    return _EXIT_FAULTS if report.faults else 0


def _from_files(arguments: argparse.Namespace) -> ImportReport:
    from wgmon_tui.cli.import_files import import_files

    if not arguments.files:
        again = command_to_type(arguments, "import")
        raise ConfigurationError(f"import: no file given; type `{again} FILE.conf` or `{again} --wg`")
    return import_files(arguments.files, arguments.config, arguments.identity)


def _from_interfaces(arguments: argparse.Namespace) -> ImportReport:
    from wgmon_tui.config.imports.interface_import import import_interfaces
    from wgmon_tui.config.imports.wg_dump_parser import InspectionError

    if arguments.files:
        raise ConfigurationError("import: --wg cannot be combined with files; run import twice")
    try:
        with progress_line("import") as progress:
            progress.show("reading the interfaces")
            dumps = _read_dumps(arguments)
    except InspectionError as error:
        raise ConfigurationError(f"import: {error}") from None
    if not dumps:
        raise ConfigurationError("import: wg shows no interface")
    return import_interfaces(dumps, arguments.config, arguments.identity)


def _read_dumps(arguments: argparse.Namespace) -> InterfaceDumps:
    """Read the requested interfaces. Raises InspectionError, ConfigurationError."""
    from wgmon_tui.checks.inspection import inspector_of
    from wgmon_tui.config.imports.wg_dump_parser import InspectionError, parse_all_dumps

    if arguments.through:
        return _read_dumps_of_server(arguments.through, arguments.config)
    if arguments.wg == "-":
        return parse_all_dumps(sys.stdin.buffer.read(_MAX_DUMP_BYTES).decode(errors="replace"))
    inspector = inspector_of(WIREGUARD)
    assert inspector is not None  # noqa: S101
    dumps = inspector.read_interfaces()
    if arguments.wg in dumps.unanswered:
        raise InspectionError(dumps.notice)
    if arguments.wg == "all":
        if dumps.notice:
            print(f"wgmon-tui: {dumps.notice}", file=sys.stderr)
        return dumps
    if arguments.wg not in dumps:
        hint = f"interfaces: {', '.join(dumps)}" if dumps else "this machine has none"
        raise ConfigurationError(f"import: --wg: no interface {quoted(arguments.wg)}; {hint}")
    return {arguments.wg: dumps[arguments.wg]}


def _read_dumps_of_server(name: str, config: Path) -> InterfaceDumps:
    from wgmon_tui.checks.inspection import ViewUnavailable
    from wgmon_tui.config.imports.wg_dump_parser import InspectionError
    from wgmon_tui.config.inspect_command import interface_of
    from wgmon_tui.config.servers_file import read
    from wgmon_tui.doctor.server import require_inspect_command

    [server] = select_servers(read(config).fleet, [name])
    inspector = require_inspect_command(server)
    running = inspector.inspect(replace(server, inspect_config=()), config).running
    if isinstance(running, ViewUnavailable):
        raise InspectionError(running.reason)
    return {f"{name}-{interface_of(server)}": running}


def keygen(arguments: argparse.Namespace) -> int:
    """Create an identity, and print the server configuration that admits it."""
    from wgmon_tui.config.imports.new_identity import keygen
    from wgmon_tui.config.peer_command import PeerCommand
    from wgmon_tui.config.secrets.private_files import shown
    from wgmon_tui.config.servers_file import NAME
    from wgmon_tui.config.value_parsers import InvalidValueError, parse_interface

    try:
        addresses = [parse_interface(text) for text in arguments.address]
    except InvalidValueError as error:
        raise ConfigurationError(f"keygen: --address: {error}") from None
    new_identity = keygen(arguments.name, arguments.config, addresses)
    if new_identity.notice:
        print(new_identity.notice, file=sys.stderr)
    key_file = shown(arguments.config / str(new_identity.identity.private_key.value))
    print(
        printable(
            f'# Identity "{arguments.name}" is in {shown(arguments.config / NAME)}; its key: {key_file}'
        )
    )
    add = command_to_type(arguments, "add")
    print(f"# To add a server here, type: {add} NAME ENDPOINT PUBLIC_KEY")
    print("# Type on the server, as root:")
    print(f"#   {PeerCommand(new_identity.public_key, addresses).line}")
    print("# Or paste this into the server's configuration:")
    print(new_identity.stanza, end="")
    return 0
