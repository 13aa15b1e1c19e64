"""A server's own view, compared with servers.toml and the prober's verdict."""

from __future__ import annotations

import time
from pathlib import Path

from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.checks.inspection import (
    ConfiguredSide,
    Inspector,
    ServerView,
    ViewUnavailable,
    inspector_of,
)
from wgmon_tui.checks.prober_verdict import ProberVerdict, make_prober_verdict
from wgmon_tui.config.keys import NO_PRESHARED_KEY
from wgmon_tui.config.models import ConfigurationError, Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.monitor.models import Round

_NO_VIEW = "a server of the protocol {} has no peers to inspect"


def inspect_server(
    server: Server,
    fleet: Fleet,
    keyring: Keyring,
    config_dir: Path,
    prober_verdict: ProberVerdict | None = None,
) -> tuple[tuple[Finding, ...], int]:
    """Inspect the server and the local interfaces. Returns the findings and the exit code.

    `prober_verdict` is the verdict of the prober, if it has one. Blocks for up to 15 s per command.
    Raises ConfigurationError if servers.toml names no command and no local interface has this server.
    """
    inspector = require_inspector(server)
    configured = configured_side(server, fleet, keyring)
    here = _compare_local_interfaces(inspector, configured, prober_verdict)
    if not here:
        require_inspect_command(server)
    if not server.inspect:
        return here, exit_code(None, here)
    view, findings = _compare_server_view(inspector, configured, config_dir, prober_verdict)
    return (*findings, *here), exit_code(view, (*findings, *here))


def inspect_and_compare(
    server: Server,
    fleet: Fleet,
    keyring: Keyring,
    config_dir: Path,
    prober_verdict: ProberVerdict | None = None,
) -> tuple[Finding, ...]:
    """Findings from the server's own view and from the local interfaces.

    Without an inspect command, the last finding names the setting to add. Blocks for up to 15 s per command.
    """
    inspector = inspector_of(server.protocol)
    if inspector is None:
        return (Finding(ComparisonResult.UNKNOWN, "inspect", _NO_VIEW.format(server.protocol)),)
    configured = configured_side(server, fleet, keyring)
    here = _compare_local_interfaces(inspector, configured, prober_verdict)
    if server.inspect:
        return (*_compare_server_view(inspector, configured, config_dir, prober_verdict)[1], *here)
    sentence = "servers.toml has no command to inspect this server"
    fix = f'in servers.toml, server "{server.name}": {_suggest_inspect_setting(inspector, server)}'
    return (*here, Finding(ComparisonResult.UNKNOWN, "inspect", sentence, fix))


def _compare_server_view(
    inspector: Inspector, configured: ConfiguredSide, config_dir: Path, prober_verdict: ProberVerdict | None
) -> tuple[ServerView, tuple[Finding, ...]]:
    view = inspector.inspect(configured.server, config_dir)
    return view, inspector.compare(configured, view, time.time(), prober_verdict)


def _compare_local_interfaces(
    inspector: Inspector, configured: ConfiguredSide, prober_verdict: ProberVerdict | None
) -> tuple[Finding, ...]:
    interfaces = inspector.read_interfaces_if_permitted()
    if interfaces is None:
        return ()
    views = inspector.compare_interfaces(configured, interfaces, time.time(), prober_verdict)
    found = [each.finding for each in views]
    if found and interfaces.notice:
        found.append(Finding(ComparisonResult.UNKNOWN, "interfaces here", interfaces.notice))
    return tuple(found)


def verdict_from_round(outcome: Round, since: float | None = None) -> ProberVerdict:
    """The prober's verdict of a round. `since` is an earlier start of that verdict, if known."""
    meanings = (diagnosis.verdict for diagnosis in outcome.diagnoses)
    judged = zip(outcome.checks, meanings, strict=True)
    started = outcome.check.started_at
    return make_prober_verdict(
        outcome.diagnosis.verdict, started if since is None else min(since, started), judged
    )


def require_inspector(server: Server) -> Inspector:
    """The inspector of a server's protocol. Raises ConfigurationError if it has none."""
    inspector = inspector_of(server.protocol)
    if inspector is None:
        raise ConfigurationError(f'server "{server.name}": {_NO_VIEW.format(server.protocol)}')
    return inspector


def require_inspect_command(server: Server) -> Inspector:
    """What inspects this server. Raises ConfigurationError if servers.toml has no command for that."""
    inspector = require_inspector(server)
    if not server.inspect:
        raise ConfigurationError(
            f'servers.toml: server "{server.name}": key inspect: missing; '
            f"add {_suggest_inspect_setting(inspector, server)}"
        )
    return inspector


def _suggest_inspect_setting(inspector: Inspector, server: Server) -> str:
    """The line to add to servers.toml for a server without a command."""
    words = ", ".join(f'"{word}"' for word in inspector.suggest_command(server))
    return f"inspect = [{words}]"


def exit_code(view: ServerView | None, findings: tuple[Finding, ...]) -> int:
    """The exit code: 2 if something differs, 3 if the server's view is unavailable, else 0."""
    if any(finding.result is ComparisonResult.DIFFERS for finding in findings):
        return 2
    if view is None:
        return 0
    return 3 if isinstance(view.running, ViewUnavailable) or isinstance(view.stored, ViewUnavailable) else 0


def configured_side(server: Server, fleet: Fleet, keyring: Keyring) -> ConfiguredSide:
    """The server as configured in the files of this machine."""
    identity = fleet.identity(server.identity)
    private_key = keyring.private_keys.get(server.identity)
    preshared_key = keyring.preshared_keys.get(server.name)
    return ConfiguredSide(
        server=server,
        public_key=private_key.public if private_key else None,
        addresses=identity.addresses if identity else (),
        has_preshared_key=None if preshared_key is None else preshared_key != NO_PRESHARED_KEY,
    )
