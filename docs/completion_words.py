"""The table of commands that the shell completions read. It follows from the argument parser."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.cli.arguments import input_file, output_file
from wgmon_tui.cli.command_parser import actions_of, subcommands_of
from wgmon_tui.cli.parser import make_parser
from wgmon_tui.tui.theme.palette import SHIPPED_THEMES

_FILES = (Path, input_file, output_file)
_BY_NAME = {
    "identity": "identity",
    "through": "server",
    "name": "server",
    "names": "server",
    "server": "server",
    "servers": "server",
    "planes": "control_plane",
    "lists": "subscription",
    "vantage": "vantage",
    "sink": "sink",
    "theme": "theme",
    "words": "file",
}
"""What completes an argument, by its name in the program."""

_OF_THE_FILE = ("remove",)
"""Commands whose NAME is in servers.toml: nodes are not."""

_NEW_NAMES = ("keygen",)
"""Commands whose NAME does not exist yet."""


def completion_words() -> str:
    """Every command with its options, arguments and subcommands, as JSON."""
    table: dict[str, object] = {"themes": list(SHIPPED_THEMES)}
    _add_command(table, "", make_parser())
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def _add_command(table: dict[str, object], path: str, parser: argparse.ArgumentParser) -> None:
    commands = subcommands_of(parser)
    named = [
        action for action in actions_of(parser) if action.dest != argparse.SUPPRESS or action.option_strings
    ]
    table[path] = {
        "commands": {name: _help_of(parser, name) for name in commands},
        "options": {
            option: _describe_option(path, action, option)
            for action in named
            for option in action.option_strings
        },
        "arguments": [
            {"takes": _completed_by(path, action), "repeats": action.nargs in ("*", "+")}
            for action in named
            if not action.option_strings
        ],
    }
    for name, child in commands.items():
        _add_command(table, f"{path} {name}".strip(), child)


def _help_of(parser: argparse.ArgumentParser, command: str) -> str:
    for action in actions_of(parser):
        for each in getattr(action, "_choices_actions", ()):
            if each.dest == command:
                return str(each.help)
    return ""


def _describe_option(path: str, action: argparse.Action, option: str) -> dict[str, object]:
    # The value of `--wg` may be missing: the next word may be another one.
    takes = None if action.nargs in (0, "?") else _completed_by(path, action)
    return {
        "help": _short_help(action.help or ""),
        "takes": takes,
        "also": [each for each in action.option_strings if each != option],
        "repeats": isinstance(action, argparse._AppendAction),  # noqa: SLF001  argparse has no other name for it
    }


def _completed_by(path: str, action: argparse.Action) -> str | list[str]:
    if action.choices is not None:
        return [str(each) for each in action.choices]
    if action.dest.startswith("verdict"):
        return [verdict.slug for verdict in Verdict]
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if metavar == "DIR":
        return "directory"
    if metavar.startswith("FILE") or action.type in _FILES:
        return "file"
    takes = _BY_NAME.get(action.dest, "")
    if path in _OF_THE_FILE and takes == "server":
        return "entry"
    return "" if path in _NEW_NAMES else takes


def _short_help(text: str) -> str:
    """The first part of the help, without default directories: they differ between accounts."""
    return text.partition(" (default /")[0].partition("; ")[0]
