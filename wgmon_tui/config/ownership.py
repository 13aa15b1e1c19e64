"""Owners of the configuration and state directories: whose account may use them, and the line to type.

Root may write anywhere, and would leave files that the service cannot read any more. So root leaves the
directories of other accounts alone.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import sys
from pathlib import Path

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.paths import default_config_dir, default_state_dir
from wgmon_tui.net.accounts import login_name
from wgmon_tui.text import printable


def own_command() -> tuple[str, ...]:
    """The command that started this process, valid from any working directory."""
    script = Path(sys.argv[0])
    if script.name == "__main__.py":
        return (sys.executable, "-m", "wgmon_tui")
    return (os.path.abspath(shutil.which(sys.argv[0]) or script),)  # noqa: PTH100  resolve() would follow links


def command_as(uid: int) -> str:
    """This command, to be typed so that it runs as another account."""
    script, given = Path(sys.argv[0]), {word.partition("=")[0] for word in sys.argv[1:]}
    if not script.is_file():
        words = ["wgmon-tui"]
    elif script.suffix == ".py" and script.name != "__main__.py":  # a program that uses the library
        words = [sys.executable, str(script.absolute())]
    else:
        words = [*own_command()]
    for option, variable, directory in (
        ("--config", "XDG_CONFIG_HOME", default_config_dir()),
        ("--state", "XDG_STATE_HOME", default_state_dir()),
    ):
        # sudo drops these variables, and they name the directory if no option does.
        if os.environ.get(variable) and option not in given:
            words += [option, str(directory)]
    return printable(shlex.join(("sudo", "-u", _account(uid), *words, *sys.argv[1:])))


def foreign_owner(directory: Path) -> int | None:
    """The account in whose directory root would leave files; None for root's own, and for other users.

    The kernel keeps other users from it. Without the directory, its closest parent counts.
    """
    if os.geteuid() != 0:
        return None
    for place in (directory.absolute(), *directory.absolute().parents):
        try:
            return place.stat().st_uid or None
        except OSError:
            continue
    return None


def explain_foreign(directory: Path) -> str | None:
    """One line with the command to type, if root must not write to this directory."""
    owner = foreign_owner(directory)
    if owner is None:
        return None
    return f"{printable(str(directory))} belongs to {login_name(owner)}; type: {command_as(owner)}"


def require_own(directory: Path) -> None:
    """Refuse to write to a directory of another account as root. Raises ConfigurationError."""
    if line := explain_foreign(directory):
        raise ConfigurationError(line)


def owner_advice(path: Path, owner: int) -> str:
    """What to type about a file of another account, without taking it away from a service that needs it."""
    user = os.geteuid()
    try:
        directory_owner = path.parent.stat().st_uid
    except OSError:
        directory_owner = owner
    if user != 0 and directory_owner == user:
        return f"type: sudo chown {shlex.quote(login_name(user))} {shlex.quote(printable(str(path)))}"
    return f"type: {command_as(owner)}"


def _account(uid: int) -> str:
    """The account in the notation of sudo."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"
