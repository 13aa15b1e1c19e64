"""The words that a shell offers: `wgmon-tui __complete SHELL WORD…`, which the completion scripts call.

It runs at each press of Tab: it reads a table of commands instead of building the parser, looks for names in
servers.toml without parsing it, and does without pathlib. Names of watched nodes are in the history alone.
It is silent about every error.

Each line is a word, a tab and its meaning; or `:file` or `:directory`, which the shell completes itself.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

WORDS = os.path.join(os.path.dirname(__file__), "completions", "commands.json")  # noqa: PTH118, PTH120
"""The commands with their options, written from the parser by docs/make.py."""

_NODES = """SELECT name FROM servers
    WHERE removed_at IS NULL AND entry LIKE '%"node_id"%' ORDER BY name"""
_STORE_TIMEOUT_S = 0.2

_BASH_BREAKS = re.compile(r"[:=]+")
_NAME = re.compile(r"""name[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|'[^']*')""")


def complete(words: Sequence[str]) -> int:
    """Print the words that can stand at the last of these words. The first one is the name of the shell."""
    try:
        shell, *line = words
        print("".join(f"{candidate}\n" for candidate in find_candidates(shell, line)), end="", flush=True)
    except (OSError, ValueError, KeyError, LookupError):
        pass
    return 0


def find_candidates(shell: str, words: Sequence[str]) -> list[str]:
    """The lines for the last of the words, which may be empty. In bash only those that begin with it."""
    if shell == "bash":
        words = _join_bash_words(words)
    *before, current = words or [""]
    with open(WORDS, encoding="utf-8") as file:  # noqa: PTH123  pathlib takes 10 ms
        table = json.load(file)
    found = _CommandLine(table, before).candidates(current)
    if shell != "bash":
        return list(found)
    typed = current.lstrip("\"'").replace("\\", "")
    # Bash replaces only what follows the last `=` or `:`.
    kept = typed.rfind(next(reversed(_BASH_BREAKS.findall(typed)), "\0")[-1]) + 1
    return [
        line if line[0] == ":" else line[kept:] for line in found if line[0] == ":" or line.startswith(typed)
    ]


def _join_bash_words(words: Sequence[str]) -> list[str]:
    """Join what bash splits at `=` and `:`, as in `--format=json`."""
    joined: list[str] = []
    glued = False
    for word in words:
        is_break = _BASH_BREAKS.fullmatch(word) is not None
        if joined and (is_break or glued):
            joined[-1] += word
        else:
            joined.append(word)
        glued = is_break
    return joined


class _CommandLine:
    """What the words before the current one mean."""

    def __init__(self, commands: dict[str, Any], before: Iterable[str]) -> None:
        self._commands = commands
        self._path = ""
        self._config = self._state = ""
        self._positionals: list[str] = []
        self._options: list[str] = []
        self._only_positionals = False
        self._awaits_value = ""
        """The option whose value comes next."""
        for word in before:
            self._take(word)

    def _take(self, word: str) -> None:
        if self._awaits_value:
            self._take_value(self._awaits_value, word)
            self._awaits_value = ""
        elif word == "--" and not self._only_positionals:
            self._only_positionals = True
        elif word.startswith("-") and len(word) > 1 and not self._only_positionals:
            option, equals, value = word.partition("=")
            self._options.append(option)
            if equals:
                self._take_value(option, value)
            elif self._find_option(option).get("takes") is not None:
                self._awaits_value = option
        elif not self._positionals and word in self._subcommands:
            self._path = f"{self._path} {word}".strip()
        else:
            self._positionals.append(word)

    def _take_value(self, option: str, value: str) -> None:
        if option == "--config":
            self._config = os.path.expanduser(value)  # noqa: PTH111
        elif option == "--state":
            self._state = os.path.expanduser(value)  # noqa: PTH111

    @property
    def _subcommands(self) -> dict[str, str]:
        found: dict[str, str] = self._commands[self._path]["commands"]
        return found

    def _find_option(self, option: str) -> dict[str, Any]:
        for path in (self._path, ""):
            if found := self._commands[path]["options"].get(option):
                return dict(found)
        return {}

    def candidates(self, current: str) -> Iterator[str]:
        """The lines for the current word."""
        option, equals, _ = current.partition("=")
        if self._awaits_value:
            yield from self._values(self._find_option(self._awaits_value)["takes"])
        elif self._only_positionals or not current.startswith("-"):
            yield from (f"{name}\t{meaning}" for name, meaning in self._subcommands.items())
            yield from self._arguments()
        elif equals:
            takes = self._find_option(option).get("takes") or ""
            yield from (line if line[0] == ":" else f"{option}={line}" for line in self._values(takes))
        else:
            options: dict[str, dict[str, Any]] = self._commands[self._path]["options"]
            for name, about in options.items():
                if about["repeats"] or not {name, *about["also"]} & set(self._options):
                    yield f"{name}\t{about['help']}"

    def _arguments(self) -> Iterator[str]:
        arguments = self._commands[self._path]["arguments"]
        number = len(self._positionals)
        if number < len(arguments):
            takes = arguments[number]["takes"]
        elif arguments and arguments[-1]["repeats"]:
            takes = arguments[-1]["takes"]
        else:
            return
        yield from (line for line in self._values(takes) if line.partition("\t")[0] not in self._positionals)

    def _values(self, takes: str | list[str]) -> Iterator[str]:
        if isinstance(takes, list):
            yield from (f"{word}\t" for word in takes)
        elif takes in ("file", "directory"):
            yield f":{takes}"
        elif takes == "theme":
            yield from (f"{name}\ttheme" for name in (*self._commands["themes"], *self._own_themes()))
        elif takes:
            yield from (f"{name}\t{meaning}" for name, meaning in self._names(takes))

    def _names(self, takes: str) -> Iterator[tuple[str, str]]:
        """Names of the configuration, each with what it is the name of."""
        tables = ("server", "control_plane") if takes in ("server", "entry") else (takes,)
        is_of_fleet = takes in ("server", "entry", "control_plane", "identity")
        file = f"{self._config_dir}/{'servers' if is_of_fleet else 'config'}.toml"
        found = {table: find_names(file, table) for table in tables}
        for table, names in found.items():
            yield from ((name, table.replace("_", " ")) for name in names)
        if takes == "server" and found["control_plane"]:
            yield from ((name, "node") for name in find_nodes(f"{self._state_dir}/history.db"))

    def _own_themes(self) -> list[str]:
        try:
            names = os.listdir(f"{self._config_dir}/themes")  # noqa: PTH208
        except OSError:
            return []
        return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))

    @property
    def _state_dir(self) -> str:
        if not self._state:
            from wgmon_tui.config.paths import default_state_dir

            self._state = str(default_state_dir())
        return self._state

    @property
    def _config_dir(self) -> str:
        if not self._config:
            from wgmon_tui.config.paths import default_config_dir

            self._config = str(default_config_dir())
        return self._config


def find_names(file: str, table: str) -> list[str]:
    """The names of all `[[table]]` of a TOML file. It may be invalid; without it there are none.

    Ten thousand names take milliseconds, and a parsed file a second.
    """
    with open(file, encoding="utf-8", errors="replace") as opened:  # noqa: PTH123  pathlib takes 10 ms
        lines = opened.read().split("\n")
    names, inside = [], False
    for line in lines:
        text = line.lstrip()
        if text.startswith("["):
            inside = text.lstrip("[ \t").partition("]")[0].rstrip() == table
        elif inside and text.startswith("name") and (match := _NAME.match(text)):
            inside = False  # one name a table
            name = str(json.loads(match[1])) if "\\" in match[1] and match[1][0] == '"' else match[1][1:-1]
            if name.isprintable():
                names.append(name)
    return names


def find_nodes(store: str) -> list[str]:
    """The names of the nodes that rules watch, as the history has them; none if it cannot be read."""
    import sqlite3
    from contextlib import closing
    from pathlib import Path

    from wgmon_tui.store.database import connect_to_read

    try:
        with closing(connect_to_read(Path(store), patience_s=_STORE_TIMEOUT_S)[0]) as connection:
            return [name for (name,) in connection.execute(_NODES) if name.isprintable()]
    except sqlite3.Error:
        return []
