"""A server's own view, asked for and compared with our file, as text."""

from __future__ import annotations

import time
from pathlib import Path

from wgmon_tui.diagnosis.inspection import Agreement, Finding, OurSide, compare
from wgmon_tui.fleet.records import ConfigurationError, Fleet, Server
from wgmon_tui.fleet.secrets import Keyring
from wgmon_tui.fleet.values import printable
from wgmon_tui.probe.inspect import ServersView, Unread, inspect
from wgmon_tui.wireguard.keys import NO_PRESHARED_KEY


def inspect_server(server: Server, fleet: Fleet, keyring: Keyring, config_dir: Path, ascii_only: bool) -> int:
    """Ask the server, print the findings, and give the exit code.

    Blocks for up to 15 s a command. Raises ConfigurationError where servers.toml names no command.
    """
    if not server.inspect:
        raise ConfigurationError(
            f'servers.toml: server "{server.name}": key inspect: missing; add {what_to_add(server)}'
        )
    view, findings = ask(server, fleet, keyring, config_dir)
    for finding in findings:
        print(text(finding, ascii_only))
    return exit_code(view, findings)


def ask(
    server: Server, fleet: Fleet, keyring: Keyring, config_dir: Path
) -> tuple[ServersView, tuple[Finding, ...]]:
    """Ask a server that has a command for it. Blocks for up to 15 s a command."""
    view = inspect(server, config_dir)
    return view, compare(_our_side(server, fleet, keyring), view, time.time())


def what_to_add(server: Server) -> str:
    """The line that a server without a command wants in servers.toml."""
    return f'inspect = ["ssh", "{server.endpoint.host}", "sudo", "wg", "show", "wg0", "dump"]'


def exit_code(view: ServersView, findings: tuple[Finding, ...]) -> int:
    """2 where something differs, 3 where the server would not say, 0 where what it says agrees."""
    if any(finding.agreement is Agreement.DIFFERS for finding in findings):
        return 2
    return 3 if isinstance(view.running, Unread) or isinstance(view.stored, Unread) else 0


def text(finding: Finding, ascii_only: bool = False) -> str:
    """A finding for a terminal: a line, and under it what to type."""
    glyph = finding.agreement.ascii_glyph if ascii_only else finding.agreement.glyph
    line = f"{glyph} {finding.agreement.word:<11}  {finding.subject:<17}  {printable(finding.sentence)}"
    return f"{line}\n    {'->' if ascii_only else '→'} {printable(finding.fix)}" if finding.fix else line


def _our_side(server: Server, fleet: Fleet, keyring: Keyring) -> OurSide:
    identity = fleet.identity(server.identity)
    private_key = keyring.private_keys.get(server.identity)
    preshared_key = keyring.preshared_keys.get(server.name)
    return OurSide(
        server=server,
        public_key=private_key.public if private_key else None,
        addresses=identity.addresses if identity else (),
        has_preshared_key=None if preshared_key is None else preshared_key != NO_PRESHARED_KEY,
    )
