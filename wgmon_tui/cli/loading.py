"""Loading of servers, keys and the timestamp ledger for the commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.cli.commands_to_type import command_in
from wgmon_tui.cli.terminal import ask, can_ask
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.paths import default_config_dir, default_state_dir
from wgmon_tui.text import did_you_mean, quoted

if TYPE_CHECKING:
    from wgmon_tui.config.config_toml import Config
    from wgmon_tui.config.keys import PublicKey
    from wgmon_tui.config.models import Fleet, Server
    from wgmon_tui.config.secrets.keyring import Keyring
    from wgmon_tui.net.addresses import Endpoint
    from wgmon_tui.store.timestamp_ledger import TimestampLedger


def require_directory(directory: Path) -> None:
    """Raise ConfigurationError if a directory that was named does not exist: it is mistyped.

    A default directory may be missing: nothing was set up yet.
    """
    if directory in (default_config_dir(), default_state_dir()) or directory.is_dir():
        return
    from wgmon_tui.config.secrets.private_files import shown

    if directory.exists():
        raise ConfigurationError(f"{shown(directory)} is not a directory")
    raise ConfigurationError(f"there is no directory {shown(directory)}")


def load_fleet(config: Path, state: Path | None = None) -> tuple[Fleet, Keyring]:
    """Read the fleet and its secrets; with `state`, also the nodes that rules of control planes select.

    Raises ConfigurationError.
    """
    from wgmon_tui.config.secrets.keyring import open_keyring
    from wgmon_tui.config.servers_file import NAME, read
    from wgmon_tui.config.young_file import read_settled

    fleet = read_settled(lambda: read(config).fleet, config / NAME)
    if state:
        fleet = add_nodes(fleet, state)
    return fleet, open_keyring(fleet, config)


def add_nodes(fleet: Fleet, state: Path) -> Fleet:
    """Add the nodes that rules of control planes select, as the writer stored them last."""
    from wgmon_tui.config.control_planes import has_node_rules

    if not has_node_rules(fleet):
        return fleet
    from wgmon_tui.store.stored_nodes import add_stored_nodes

    return add_stored_nodes(fleet, state)


def read_checked_config(config_dir: Path, *, runs_commands: bool = True) -> Config:
    """Read config.toml, and check what it says about the dashboard. Raises ConfigurationError."""
    from wgmon_tui.config.config_toml import read_config

    config = read_config(config_dir, runs_commands=runs_commands)
    check_dashboard_settings(config_dir, config)
    return config


def read_witness(config_dir: Path, show: Callable[[str], None]) -> Endpoint | None:
    """Read the witness from config.toml. A faulty file must not stop a check: its error is shown."""
    from wgmon_tui.config.config_toml import read_config

    try:
        return read_config(config_dir, runs_commands=False).witness
    except ConfigurationError as error:
        show(f"checking without the witness of config.toml: {error}")
        return None


def check_dashboard_settings(config_dir: Path, config: Config) -> None:
    """Raise ConfigurationError for keys, columns and a theme that the dashboard does not have, by line."""
    from wgmon_tui.config.config_toml import read_text
    from wgmon_tui.config.setting_problems import raise_problems

    face = config.face
    problems = []
    if face.keys or face.user_actions:
        from wgmon_tui.tui.keys.actions import ACTIONS
        from wgmon_tui.tui.keys.keymap import keymap_problems

        problems += keymap_problems(ACTIONS, face.keys, face.user_actions)
    if face.columns:
        from wgmon_tui.tui.fleet.column_layout import column_problems

        problems += column_problems(face.columns)
    if face.theme:
        from wgmon_tui.tui.theme.theme_files import theme_problems

        problems += theme_problems(face.theme, config_dir)
    if problems:
        raise_problems(problems, read_text(config_dir))


def open_timestamp_ledger(state: Path) -> TimestampLedger:
    """Open the last timestamp of every identity; problems are printed on stderr.

    Raises ConfigurationError for root in the state directory of another account.
    """
    from wgmon_tui.config.ownership import require_own
    from wgmon_tui.store.timestamp_ledger import TimestampLedger

    require_own(state)
    ledger = TimestampLedger(state)
    for line in filter(None, (ledger.notice, ledger.trouble)):
        print(f"wgmon-tui: {line}", file=sys.stderr)
    return ledger


def warn_of_held_timestamps(timestamps: TimestampLedger, identities: Iterable[PublicKey]) -> None:
    """Warn before anything is sent if a timestamp is far ahead; at a terminal, ask whether to send it.

    Without a terminal, or with any other answer than yes, those checks are not sent.
    """
    if all(timestamps.may_stamp(identity) for identity in identities):
        return
    print(f"wgmon-tui: {timestamps.held}", file=sys.stderr, flush=True)
    if can_ask() and ask("Send checks with it?"):
        try:
            timestamps.trust_clock()
        except OSError as error:
            print(f"wgmon-tui: {timestamps.directory}: {error.strerror}", file=sys.stderr)


def print_owners(*directories: Path) -> None:
    """Tell root on stderr whose directories a command reads, and how to run it as that account."""
    from wgmon_tui.config.ownership import explain_foreign

    for line in dict.fromkeys(filter(None, map(explain_foreign, directories))):
        print(f"wgmon-tui: {line}", file=sys.stderr)
        return


def select_servers(fleet: Fleet, names: Sequence[str]) -> tuple[Server, ...]:
    """Return the servers with these names; without names, all servers. Raises ConfigurationError."""
    by_name = {server.name: server for server in fleet.servers}
    require_known(names, by_name, "server", "servers.toml")
    return tuple(by_name[name] for name in names) or fleet.servers


def require_known(names: Iterable[str], known: Collection[str], kind: str, place: str) -> None:
    """Raise ConfigurationError with a line for each unknown name: a `kind` that `place` does not have."""
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    if unknown:
        from wgmon_tui.config.error_list import CombinedError

        hints = ((name, did_you_mean(name, known)) for name in unknown)
        raise CombinedError(
            [f"no {kind} {quoted(name)} in {place}{'; ' + hint if hint else ''}" for name, hint in hints]
        )


def no_servers_message(file: Path, config: Path | None = None) -> str:
    """Return the message for a file without servers; `config` is the directory to add them to."""
    add = command_in(config, None, "add")
    return (
        f"{file}: no servers; type `{add} NAME ENDPOINT PUBLIC_KEY` or `{add} FILE.conf`, "
        "or `wgmon-tui demo` for a demonstration"
    )


@contextmanager
def explained_socket_errors() -> Iterator[None]:
    """Turn the failure to open a socket for checks into a ConfigurationError of one line."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"cannot open a socket for checks: {error.strerror or error}") from None
