"""The library: one look at a server from a program of one's own. What is offered, `wgmon_tui` names.

A check is a real handshake with a real identity, so the rule of the whole program holds here too: one key,
one prober. Stamps go through the ledger of the state directory; whoever shares an identity shares that.
"""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import replace
from pathlib import Path

from wgmon_tui.config.imports.wg_quick_import import load_conf
from wgmon_tui.config.models import ConfigurationError, Fleet, Server
from wgmon_tui.config.paths import default_config_dir, default_state_dir
from wgmon_tui.config.secrets.keyring import Keyring, open_keyring
from wgmon_tui.config.servers_file import read
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.models import Round
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target, join
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.text import quoted


def check(
    server: str | Path | Server | Target,
    *,
    config: Path | None = None,
    state: Path | None = None,
    quick: bool = False,
) -> Round:
    """Look at a server once. Blocks for as long as that takes; see `check_async` for everything else."""
    return asyncio.run(check_async(server, config=config, state=state, quick=quick))


async def check_async(
    server: str | Path | Server | Target,
    *,
    config: Path | None = None,
    state: Path | None = None,
    quick: bool = False,
) -> Round:
    """Look at a server once: a check of each of its addresses, and what each means, the worst first.

    `server` is the name of one in servers.toml; or the path of a wg-quick file with one peer to check; or a
    Server, whose keys come from where it says, its identity from servers.toml; or a Target, which has its
    keys with it. `config` is the directory of servers.toml, `state` that of the stamps, both the program's
    own where they are not given. `quick` leaves out what takes seconds: the passive data path, the
    experiments that explain silence.

    Whatever the network or the server does is in the diagnosis. Raises ConfigurationError where our own files
    or keys do not let a check happen, OSError where this machine has no socket to send from.
    """
    target = await asyncio.to_thread(_resolve_target, server, config or default_config_dir())
    ledger = TimestampLedger(state or default_state_dir())
    if ledger.trouble:
        warnings.warn(ledger.trouble, RuntimeWarning, stacklevel=2)
    with ledger as timestamps:
        prober = Prober(timestamps=timestamps.next, ahead_s=timestamps.ahead_s)
        await prober.open()
        try:
            return await run_check_round(
                prober, target.server, target, CheckDepth(deep=not quick, explain=not quick)
            )
        finally:
            await prober.close()


def _resolve_target(server: str | Path | Server | Target, config: Path) -> Target:
    """A server with its keys. Raises ConfigurationError; blocks while commands give secrets."""
    if isinstance(server, Target):
        return server
    if isinstance(server, Path):
        loaded = load_conf(server)
        if len(loaded.fleet.servers) > 1:
            names = ", ".join(each.name for each in loaded.fleet.servers)
            raise ConfigurationError(f"{server.name}: has several servers ({names}); give a file with one")
        return _join_target(loaded.fleet.servers[0], loaded.fleet, loaded.keyring)
    fleet = read(config).fleet
    if isinstance(server, str):
        named = fleet.server(server)
        if named is None:
            raise ConfigurationError(
                f"{config / 'servers.toml'}: there is no server {quoted(server)}; a wg-quick file is a Path"
            )
        server = named
    fleet = replace(fleet, servers=(server,))
    return _join_target(server, fleet, open_keyring(fleet, config))


def _join_target(server: Server, fleet: Fleet, keyring: Keyring) -> Target:
    if fleet.identity(server.identity) is None:
        raise ConfigurationError(
            f"servers.toml: there is no identity {quoted(server.identity)}; type: wgmon-tui keygen NAME"
        )
    targets = join(fleet, keyring)
    if server.name in targets.problems:
        raise ConfigurationError(targets.problems[server.name])
    return targets.ready[server.name]
