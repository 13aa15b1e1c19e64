"""Command `completion`: the completion script of a shell."""

from __future__ import annotations

import argparse
from pathlib import Path

from wgmon_tui.cli.arguments import Subparsers, add_choice

SCRIPTS = Path(__file__).with_name("completions")

_SHELLS = ("bash", "zsh", "fish")


def add_commands(subparsers: Subparsers) -> None:
    """Add `completion`."""
    parser = subparsers.add_parser(
        "completion",
        help="print the completion script of a shell",
        description="Print the script that completes commands, options and names in a shell. For this "
        "session: `source <(wgmon-tui completion bash)`, the same with zsh, or `wgmon-tui completion fish | "
        "source`. For every session, write it to ~/.local/share/bash-completion/completions/wgmon-tui, to "
        "_wgmon-tui in a directory of zsh's $fpath, or to ~/.config/fish/completions/wgmon-tui.fish.",
    )
    add_choice(parser, "shell", _SHELLS, about="the shell")
    parser.set_defaults(run=print_script)


def print_script(arguments: argparse.Namespace) -> int:
    """Print the script."""
    print((SCRIPTS / f"wgmon-tui.{arguments.shell}").read_text(), end="")
    return 0
