"""Commands that a key of the dashboard runs (`[[action]]`), and the values of their placeholders.

No shell is involved unless the command names one. But some programs pass their arguments to a shell, here or
on another machine. So a value is refused where it would be read as an option or as shell syntax.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath

from wgmon_tui.records import dataclass
from wgmon_tui.text import quoted

PLACEHOLDERS: Mapping[str, str] = {
    "name": "the name of the server",
    "host": "the host name or address of its endpoint",
    "address": "the address of its last check",
    "port": "the port of its endpoint",
    "public_key": "its public key",
}
"""What a command may contain in braces."""

SCREENS = ("fleet", "server", "incidents", "incident")
"""The screens on which a key can run a command."""

PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z_]+)\}")
"""Not `${variable}` of a shell, and not the braces of awk."""

_PASS_ON_TO_A_SHELL = frozenset(
    {
        *("sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "tcsh", "csh"),
        *("ssh", "autossh", "mosh", "su", "runuser", "tmux", "screen", "watch", "xargs", "parallel"),
        *("docker", "podman", "kubectl", "script", "expect", "python", "python3", "perl", "awk"),
    }
)
"""Programs that read an argument as a command line, or as a program."""

_HARMLESS = re.compile(r"[A-Za-z0-9._:%@/+=,\[\]-]*")
"""Text that no shell expands or splits."""


@dataclass(frozen=True, slots=True)
class UserAction:
    """A command that a key runs for the server under the cursor.

    Without `background` it gets the terminal. With `confirm` the dashboard asks first.
    """

    key: str
    label: str
    command: tuple[str, ...]
    background: bool = False
    confirm: bool = False
    screens: tuple[str, ...] = SCREENS


class RefusedValueError(Exception):
    """A value is unknown, or cannot be given to the command safely. The text says which and why."""


def expand(command: tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    """Put the values into the placeholders of a command. Raises RefusedValueError."""
    has_shell = any(PurePath(word).name in _PASS_ON_TO_A_SHELL for word in command)
    return tuple(_expand_word(word, values, has_shell=has_shell) for word in command)


def _expand_word(word: str, values: Mapping[str, str], *, has_shell: bool) -> str:
    # Words with blanks are command lines for a program that splits them.
    may_reach_shell = has_shell or any(character.isspace() for character in word)

    def value_of(found: re.Match[str]) -> str:
        name = found[1]
        value = values.get(name)
        if not value:
            raise RefusedValueError(f"its {_words(name)} is not known yet")
        if not value.isprintable():
            raise RefusedValueError(f"its {_words(name)} has control characters")
        before = word[: found.start()]
        if value.startswith("-") and (not before or before[-1].isspace()):
            raise RefusedValueError(f'its {_words(name)} {quoted(value)} begins with "-", like an option')
        if may_reach_shell and not _HARMLESS.fullmatch(value):
            raise RefusedValueError(
                f"its {_words(name)} {quoted(value)} has characters that a shell would interpret"
            )
        return value

    return PLACEHOLDER.sub(value_of, word)


def _words(name: str) -> str:
    return name.replace("_", " ")
