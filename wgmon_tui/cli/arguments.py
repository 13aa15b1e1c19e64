"""Command-line options shared by several commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from wgmon_tui.config.paths import default_config_dir, default_state_dir

if TYPE_CHECKING:
    from wgmon_tui.config.shard import Shard

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  argparse has no other name for it


def directory_options(config: Path | None = None, state: Path | None = None) -> argparse.ArgumentParser:
    """Return the options --config and --state, valid before and after the command.

    Only the options before the command carry the defaults.
    """
    parser = argparse.ArgumentParser(add_help=False)
    for option, default, what in (
        ("--config", config, f"directory of servers.toml and the keys (default {default_config_dir()})"),
        ("--state", state, f"state directory: history database, lock (default {default_state_dir()})"),
    ):
        parser.add_argument(option, type=Path, metavar="DIR", default=default or argparse.SUPPRESS, help=what)
    return parser


def add_choice(parser: argparse.ArgumentParser, name: str, choices: Sequence[str], *, about: str) -> None:
    """Add an argument that is one of `choices`. A message that it is missing lists them, not its `name`."""
    parser.add_argument(name, choices=choices, metavar=f"{{{','.join(choices)}}}", help=about)


def display_options(*, suppressed: bool = False) -> argparse.ArgumentParser:
    """Return the display options of the dashboard, valid before and after the command.

    With `suppressed` (after the command), their defaults do not override the values given before.
    """
    off = argparse.SUPPRESS if suppressed else False
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--ascii", action="store_true", default=off, help="use ASCII characters only")
    parser.add_argument("--theme", metavar="NAME", default=off or None,
                      help="colour theme at start; `t` selects another")  # fmt: skip
    parser.add_argument("--no-mouse", action="store_true", default=off, help="do not use the mouse")
    parser.add_argument("--low-bandwidth", action="store_true", default=off,
                      help="for a slow link: fewer repaints, no mouse, 16 colours")  # fmt: skip
    return parser


def shard_option(*, suppressed: bool = False) -> argparse.ArgumentParser:
    """Return the option --shard, valid before and after the command.

    With `suppressed` (after the command), its default does not override the value given before.
    """
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--shard",
        type=_parse_shard,
        metavar="I/N",
        default=argparse.SUPPRESS if suppressed else None,
        help="use only the servers of runner I of N; each runner needs its own --state",
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
    """Return --ascii for commands that print and exit; before the command it is a display option."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--ascii", action="store_true", default=argparse.SUPPRESS, help="use ASCII characters only"
    )
    return parser


def colour_option(*, suppressed: bool = True) -> argparse.ArgumentParser:
    """Return --color for commands that print for people; before the command it has the default."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default=argparse.SUPPRESS if suppressed else "auto",
        help="colours of what is printed; auto: on a terminal, unless NO_COLOR is set, or with FORCE_COLOR "
        "(default auto)",
    )
    return parser


def input_file(text: str) -> Path:
    """Return a file to read; `-` is standard input. An argparse `type`."""
    return Path("/dev/stdin") if text == "-" else Path(text)


def output_file(text: str) -> Path | None:
    """Return a file to write; None, standard output, for `-`. An argparse `type`."""
    return None if text == "-" else Path(text)


def parse_count(text: str) -> int:
    """Parse a count; an argparse `type`. Raises ArgumentTypeError, ValueError."""
    value = int(text)
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 1000000, got {value}")
    return value


def parse_time(text: str) -> float:
    """The type of an option with a duration of at least a second, in seconds."""
    from wgmon_tui.config.value_parsers import InvalidValueError, parse_duration

    try:
        seconds = parse_duration(text)
    except InvalidValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if seconds < 1:
        raise argparse.ArgumentTypeError("expected at least 1s")
    return seconds
