"""Arguments that several commands take."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from wgmon_tui.config.paths import default_config_dir, default_state_dir

if TYPE_CHECKING:
    from wgmon_tui.config.shard import Shard

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  argparse has no other name for it


def directory_options(config: Path | None = None, state: Path | None = None) -> argparse.ArgumentParser:
    """--config and --state, before a command or behind it; only those before it carry the defaults."""
    parser = argparse.ArgumentParser(add_help=False)
    for option, default, what in (
        ("--config", config, f"where servers.toml and the keys are (default {default_config_dir()})"),
        ("--state", state, f"where the program remembers (default {default_state_dir()})"),
    ):
        parser.add_argument(option, type=Path, metavar="DIR", default=default or argparse.SUPPRESS, help=what)
    return parser


def display_options() -> argparse.ArgumentParser:
    """How the dashboard looks."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII only")
    parser.add_argument("--theme", metavar="NAME", help="colours to start with; `t` changes them")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument("--low-bandwidth", action="store_true",
                      help="for a slow link: paint less often, no mouse, 16 colours")  # fmt: skip
    return parser


def shard_option(*, suppressed: bool = False) -> argparse.ArgumentParser:
    """--shard, before a command or behind it; behind it, it must not undo what stands before."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--shard",
        type=_parse_shard,
        metavar="I/N",
        default=argparse.SUPPRESS if suppressed else None,
        help="of the servers only those of runner I of N; each runner needs a --state of its own",
    )
    return parser


def _parse_shard(text: str) -> Shard:
    from wgmon_tui.config.shard import parse_shard
    from wgmon_tui.config.value_parsers import InvalidValueError

    try:
        return parse_shard(text)
    except InvalidValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def ascii_option() -> argparse.ArgumentParser:
    """--ascii for what prints and exits; before the command it stands among those of the face."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--ascii", action="store_true", default=argparse.SUPPRESS, help="draw with ASCII only"
    )
    return parser


def parse_count(text: str) -> int:
    """How many times, as argparse's `type`. Raises ArgumentTypeError, ValueError."""
    value = int(text)
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 1000000, got {value}")
    return value
