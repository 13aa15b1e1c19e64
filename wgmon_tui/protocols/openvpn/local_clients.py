"""Whether an openvpn process of this machine uses the certificate, or the account, of a profile.

A second session with one common name ends the first one, unless the server has `duplicate-cn`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from math import inf
from pathlib import Path

from wgmon_tui.protocols.openvpn.profile import Profile

_LONGEST_FILE = 1 << 20
_LEAST_LENGTH = 64
_READ_EVERY_S = 2.0
_FILES = ("cert", "pkcs12", "ca", "auth-user-pass")


class LocalClients:
    """The openvpn processes of this machine. They are read at most once in two seconds: there may be many."""

    def __init__(self, processes: Path = Path("/proc")) -> None:
        self._processes = processes
        self._read_at = -inf
        self._configurations: list[tuple[int, str]] = []

    def find_user_of(self, profile: Profile, username: str = "") -> int | None:
        """The process that proves itself as this profile does; None if none can be seen."""
        signs = _signs_of(profile, username)
        if not signs:
            return None
        if time.monotonic() - self._read_at > _READ_EVERY_S:
            self._configurations = [
                (int(process.name), content)
                for process in self._processes.glob("[0-9]*")
                if (content := "".join(f"{each}\n" for each in _configurations(process)))
            ]
            self._read_at = time.monotonic()
        return next((number for number, content in self._configurations if _has_any(content, signs)), None)


def _signs_of(profile: Profile, username: str) -> list[tuple[str, ...]]:
    """The texts in the files of a process that logs in like this profile: all of one of these tuples.

    A server takes the user for the common name where clients have no certificate. So the same user with the
    same authority is the same client. A process that has them in no file is not recognised.
    """
    own = (_body_of(profile.certificate), base64.b64encode(profile.pkcs12).decode())
    signs: list[tuple[str, ...]] = [(each,) for each in own if len(each) >= _LEAST_LENGTH]
    authority = _body_of(profile.ca)
    if not profile.has_client_certificate and username and len(authority) >= _LEAST_LENGTH:
        signs.append((authority, _user_line(username)))
    return signs


def _user_line(username: str) -> str:
    """A line that matches no file: files are compared without white space."""
    return f"\nuser {username.strip()}\n"


def _has_any(content: str, signs: Sequence[tuple[str, ...]]) -> bool:
    return any(all(each in content for each in sign) for sign in signs)


def _body_of(pem: str) -> str:
    """The base64 of the first certificate, without white space."""
    _, _, rest = pem.partition("-----BEGIN CERTIFICATE-----")
    return "".join(rest.partition("-----END")[0].split())


def _configurations(process: Path) -> Iterator[str]:
    """The files that an openvpn process reads, as far as its arguments tell, without white space."""
    try:
        arguments = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        if Path(arguments[0]).name not in ("openvpn", "nm-openvpn"):
            return
        directory = (process / "cwd").resolve()
    except OSError:
        return
    if "--cd" in arguments[:-1]:  # a daemon has left this directory since
        directory /= arguments[arguments.index("--cd") + 1]
    for before, name in pairwise(arguments):
        content = _read(directory / name) if name and not name.startswith("--") else ""
        yield "".join(content.split())
        if before == "--auth-user-pass":
            yield _user_of(content)
        lines = content.splitlines()
        for line, following in pairwise([*lines, ""]):
            words = line.split()
            if words == ["<auth-user-pass>"]:
                yield _user_of(following)
            elif len(words) > 1 and words[0] in _FILES:
                named = _read(directory / words[1].strip("\"'"))
                yield _user_of(named) if words[0] == "auth-user-pass" else "".join(named.split())


def _user_of(login: str) -> str:
    """The first line of what `auth-user-pass` reads, as `_user_line` has it."""
    return _user_line(login.partition("\n")[0]).strip("\n")


def _read(path: Path) -> str:
    """The text of a file; the base64 of a binary one, as it stands in a profile."""
    with suppress(OSError):
        if path.is_file() and path.stat().st_size <= _LONGEST_FILE:
            content = path.read_bytes()
            return (
                base64.b64encode(content).decode() if b"\0" in content else content.decode(errors="replace")
            )
    return ""
