"""The Python API: check a server once from another program. The package `wgmon_tui` exports it.

A check is a real handshake with a real identity, so one key must have only one prober. If `wgmon-tui` runs on
the state directory, it makes the check. Otherwise a lock there keeps other processes away. Processes that
share an identity must share that directory.
"""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import replace
from pathlib import Path

from wgmon_tui.checks.protocol import ProtocolTarget
from wgmon_tui.checks.targets import join
from wgmon_tui.config.imports.wg_quick_import import load_conf
from wgmon_tui.config.models import ConfigurationError, Fleet, Server
from wgmon_tui.config.ownership import require_own
from wgmon_tui.config.paths import default_config_dir, default_state_dir
from wgmon_tui.config.protocol_settings import needs_identity
from wgmon_tui.config.secrets.keyring import Keyring, open_keyring
from wgmon_tui.config.secrets.secret_variables import hide_secret_variables
from wgmon_tui.config.servers_file import NAME, read
from wgmon_tui.config.young_file import read_settled
from wgmon_tui.control.one_shot_rounds import OneShotRounds
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.models import Round
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.text import quoted


def check(
    server: str | Path | Server | ProtocolTarget,
    *,
    config: Path | None = None,
    state: Path | None = None,
    quick: bool = False,
    deep: bool = False,
) -> Round:
    """Check a server once. Blocks until the check ends; see `check_async` for the parameters."""
    return asyncio.run(check_async(server, config=config, state=state, quick=quick, deep=deep))


async def check_async(
    server: str | Path | Server | ProtocolTarget,
    *,
    config: Path | None = None,
    state: Path | None = None,
    quick: bool = False,
    deep: bool = False,
) -> Round:
    """Check a server once: each of its addresses with its diagnosis, worst first.

    `server` is a name in servers.toml, or the Path of a wg-quick file with one peer. It may also be a Server,
    with its identity in servers.toml, or a Target, which contains its keys. `config` is the directory of
    servers.toml and `state` that of the timestamps; the defaults are the program's own. `quick` skips what
    takes seconds: the passive data path and the experiments that explain silence. `deep` adds the soak, half
    a minute that finds paths which cut a flow off.

    The diagnosis covers everything that the network or the server does. Raises ConfigurationError if files or
    keys on this machine prevent a check, and OSError if this machine has no socket to send from.
    """
    target = await asyncio.to_thread(_resolve_target, server, config or default_config_dir())
    state_dir = state or default_state_dir()
    require_own(state_dir)
    ledger = TimestampLedger(state_dir, sets_aside=False)  # a library moves no files
    if ledger.trouble:
        warnings.warn(ledger.trouble, RuntimeWarning, stacklevel=2)
    with ledger as timestamps:
        async with OneShotRounds(state_dir, timestamps) as rounds:
            return await rounds.run(
                target.server, target, CheckDepth(deep=not quick, explain=not quick, soak=deep)
            )


def _resolve_target(server: str | Path | Server | ProtocolTarget, config: Path) -> ProtocolTarget:
    """Resolve a server and its keys. Raises ConfigurationError; blocks while commands return secrets."""
    hide_secret_variables(config)
    if not isinstance(server, (str, Path, Server)):
        return server
    if isinstance(server, Path):
        loaded = load_conf(server)
        if len(loaded.fleet.servers) > 1:
            names = ", ".join(each.name for each in loaded.fleet.servers)
            raise ConfigurationError(f"{server.name}: several servers ({names}); use a file with one peer")
        return _join_target(loaded.fleet.servers[0], loaded.fleet, loaded.keyring)
    fleet = read_settled(lambda: read(config).fleet, config / NAME)
    if isinstance(server, str):
        named = fleet.server(server)
        if named is None:
            raise ConfigurationError(
                f"{config / 'servers.toml'}: no server {quoted(server)}; pass a wg-quick file as a Path"
            )
        server = named
    fleet = replace(fleet, servers=(server,))
    return _join_target(server, fleet, open_keyring(fleet, config))


def _join_target(server: Server, fleet: Fleet, keyring: Keyring) -> ProtocolTarget:
    if needs_identity(server) and fleet.identity(server.identity) is None:
        raise ConfigurationError(
            f"servers.toml: no identity {quoted(server.identity)}; type: wgmon-tui keygen NAME"
        )
    targets = join(fleet, keyring)
    if server.name in targets.problems:
        raise ConfigurationError(targets.problems[server.name])
    return targets.ready[server.name]
