"""Command `config`: templates of the configuration files, their check and their place."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from wgmon_tui.cli.arguments import Subparsers, directory_options
from wgmon_tui.cli.loading import check_dashboard_settings, require_directory
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.exit_codes import ExitCode
from wgmon_tui.text import format_count, format_list

_OF_DASHBOARD = ("theme", "columns", "keys", "action")
"""The sections of config.toml that only the code of the dashboard can check."""


def add_commands(subparsers: Subparsers) -> None:
    """Add `config`."""
    parser = subparsers.add_parser(
        "config",
        parents=[directory_options()],
        help="print a template of config.toml; check both files",
        description="Print templates of the configuration files, check the files, or print where they are. "
        "Exit code of --check: 0 both files are valid, 64 at least one is not.",
    )
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument(
        "--template", action="store_true", help="print a config.toml with every setting, all switched off"
    )
    choice.add_argument(
        "--servers-template",
        action="store_true",
        help="print a servers.toml with every setting, all switched off",
    )
    choice.add_argument(
        "--check", action="store_true", help="check servers.toml and config.toml; print every error"
    )
    choice.add_argument("--path", action="store_true", help="print the paths of both files")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a template or the paths, or check both files."""
    config: Path = arguments.config
    if arguments.path:
        print(*(config / name for name in ("servers.toml", "config.toml")), sep="\n")
        return 0
    if arguments.check:
        require_directory(config)
        return _check(config)
    from wgmon_tui.config.template import config_template, servers_template

    print(config_template() if arguments.template else servers_template(), end="")
    return 0


def _check(config: Path) -> int:
    from wgmon_tui.config import config_toml, servers_file

    def describe_servers() -> str:
        fleet = servers_file.read(config).fleet
        identities = format_count(len(fleet.identities), "identity", "identities")
        return f"{format_count(len(fleet.servers), 'server')}, {identities}"

    def describe_config() -> str:
        try:
            loaded = config_toml.read_config(config)
        except ConfigurationError as error:
            raise ConfigurationError("\n".join([*error.lines, *_not_checked_yet(config)])) from error
        check_dashboard_settings(config, loaded)
        return "valid" if (config / config_toml.NAME).exists() else "no such file; the defaults are in force"

    reads: dict[str, Callable[[], str]] = {
        servers_file.NAME: describe_servers,
        config_toml.NAME: describe_config,
    }
    code = 0
    for name, read in reads.items():
        try:
            print(f"{name}: {read()}", flush=True)
        except ConfigurationError as error:
            code = ExitCode.USAGE
            for line in error.lines:
                print(f"wgmon-tui: {line}", file=sys.stderr)
    return code


def _not_checked_yet(config: Path) -> Iterator[str]:
    """A line that names what is only checked in a config.toml without other errors, if it has any of that."""
    from wgmon_tui.config.config_toml import NAME, read_text
    from wgmon_tui.config.toml_reader import load_toml

    try:
        sections = load_toml(read_text(config), NAME).keys() & set(_OF_DASHBOARD)
    except ConfigurationError:
        return
    if sections:
        yield f"{NAME}: {format_list(sorted(sections))}: checked when the other errors are corrected"
