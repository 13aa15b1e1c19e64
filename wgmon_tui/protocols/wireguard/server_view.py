"""The server's own view: `wg show INTERFACE dump` and its configuration file, read on the server.

Both contain private and preshared keys. The parsers (here and in config/imports/wg_dump_parser.py) keep only
whether a key is set. An error names the line and the field, never the value.
"""

from __future__ import annotations

import re
from dataclasses import field
from pathlib import Path

from wgmon_tui.checks.inspection import COMMAND_TIMEOUT_S, ServerView, StoredInterface, ViewUnavailable
from wgmon_tui.child_processes import OutputLimitError, run
from wgmon_tui.config.imports.wg_dump_parser import (
    InspectionError,
    InterfaceDump,
    Network,
    PeerEntry,
    is_set,
    parse_dump,
    parse_dumped_public_key,
    parse_networks,
    parse_number,
)
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_bytes, format_limit, printable, quoted, system_reason

_MAX_OUTPUT_BYTES = 1 << 20
_STDERR_SHOWN = 200

# Half of a key's 44 characters, to match a wrapped or cut key as well.
_LIKE_A_KEY = re.compile(r"[A-Za-z0-9+/]{22}")


def inspect(server: Server, config_dir: Path, timeout_s: float = COMMAND_TIMEOUT_S) -> ServerView:
    """Run the commands `inspect` and `inspect_config` of a server. Errors become ViewUnavailable.

    Blocks for up to `timeout_s` seconds per command. The commands run without a shell and without a terminal,
    so ssh never prompts on the screen of wgmon-tui.
    """
    running: InterfaceDump | ViewUnavailable
    try:
        running = parse_dump(run_command(server.inspect, config_dir, timeout_s))
    except InspectionError as error:
        running = ViewUnavailable(f"inspect: {error}")
    if not server.inspect_config:
        return ServerView(running, None)
    try:
        return ServerView(running, parse_file(run_command(server.inspect_config, config_dir, timeout_s)))
    except InspectionError as error:
        return ServerView(running, ViewUnavailable(f"inspect_config: {error}"))


# The configuration file


@dataclass(slots=True)
class _ConfSection:
    """A section of the file while it is parsed."""

    line: int
    is_peer: bool
    public_key: PublicKey | None = None
    has_secret: bool = False
    listen_port: int | None = None
    allowed_ips: set[Network] = field(default_factory=set)

    def set_value(self, key: str, value: str, where: str) -> None:
        """Store a value that is compared later; ignore the others. Raises InspectionError."""
        match self.is_peer, key:
            case False, "privatekey":
                self.has_secret = is_set(value, f"{where}: PrivateKey")
            case False, "listenport":
                self.listen_port = parse_number(value, 65535, f"{where}: ListenPort") or None
            case True, "publickey":
                self.public_key = parse_dumped_public_key(value, f"{where}: PublicKey")
            case True, "presharedkey":
                self.has_secret = is_set(value, f"{where}: PresharedKey")
            case True, "allowedips" if value:
                self.allowed_ips |= parse_networks(value, f"{where}: AllowedIPs")

    def peer(self) -> PeerEntry:
        """The parsed peer section. Raises InspectionError."""
        if self.public_key is None:
            raise InspectionError(f"line {self.line}: this [Peer] has no PublicKey")
        return PeerEntry(self.public_key, self.has_secret, frozenset(self.allowed_ips))


def parse_file(text: str) -> StoredInterface:
    """Parse a configuration file of wg(8) or wg-quick(8). Raises InspectionError."""
    sections: list[_ConfSection] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        where = f"line {number}"
        line = raw.partition("#")[0].strip()
        if line.lower() in ("[interface]", "[peer]"):
            sections.append(_ConfSection(number, is_peer=line.lower() == "[peer]"))
        elif line:
            name, equals, value = line.partition("=")
            if not equals or not sections:
                raise InspectionError(f"{where}: expected [Interface], [Peer] or Key = value")
            sections[-1].set_value(name.strip().lower(), value.strip(), where)
    interfaces = [section for section in sections if not section.is_peer]
    if not interfaces:
        raise InspectionError("the output has no [Interface] section")
    # wg uses the later of two values.
    ports = [section.listen_port for section in interfaces if section.listen_port]
    peers = {entry.public_key: entry for entry in (each.peer() for each in sections if each.is_peer)}
    return StoredInterface(
        has_private_key=any(section.has_secret for section in interfaces),
        listen_port=ports[-1] if ports else None,
        peers=tuple(peers.values()),
    )


# Running the commands


class CommandTimeoutError(InspectionError):
    """The command did not end within its time."""


def run_command(
    command: tuple[str, ...],
    directory: Path,
    timeout_s: float = COMMAND_TIMEOUT_S,
    max_bytes: int = _MAX_OUTPUT_BYTES,
) -> str:
    """Run a command and return its output, at most `max_bytes` bytes. Raises InspectionError."""
    program = quoted(command[0])
    try:
        completed = run(
            command, timeout_s=timeout_s, max_bytes=max_bytes, keep_stderr=True, directory=directory
        )
    except FileNotFoundError:
        raise InspectionError(f"there is no program {program}; install it, or give its path") from None
    except TimeoutError:
        raise CommandTimeoutError(f"{program} did not end within {format_limit(timeout_s)}") from None
    except OutputLimitError:
        raise InspectionError(
            f"printed more than {format_bytes(max_bytes)}; expected one interface"
        ) from None
    except (OSError, ValueError) as error:
        reason = system_reason(error, "not a command")
        raise InspectionError(f"cannot start {program}: {reason}") from None
    if completed.code != 0:
        message = _last_line(completed.stderr_tail) or "run it by hand to see the error"
        raise InspectionError(f"{program} ended with {completed.ending}: {message}")
    return completed.output.decode("utf-8", errors="replace")


def _last_line(error_output: bytes) -> str:
    """The last line of stderr, or "" if it is long or contains anything like a key."""
    lines = [line.strip() for line in error_output.decode("utf-8", errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    if len(last) > _STDERR_SHOWN or _LIKE_A_KEY.search(last):
        return ""
    return printable(last)
