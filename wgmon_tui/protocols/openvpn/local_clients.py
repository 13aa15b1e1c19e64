"""Whether an openvpn process of this machine uses the certificate of a profile.

A second session with one common name ends the first one, unless the server has `duplicate-cn`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import suppress
from math import inf
from pathlib import Path

from wgmon_tui.protocols.openvpn.profile import Profile

_LONGEST_FILE = 1 << 20
_LEAST_LENGTH = 64
_READ_EVERY_S = 2.0


class LocalClients:
    """The openvpn processes of this machine. They are read at most once in two seconds: there may be many."""

    def __init__(self, processes: Path = Path("/proc")) -> None:
        self._processes = processes
        self._read_at = -inf
        self._configurations: list[tuple[int, str]] = []

    def find_user_of(self, profile: Profile) -> int | None:
        """The process that has this client certificate; None if there is none, or it cannot be seen."""
        written = (_body_of(profile.certificate), base64.b64encode(profile.pkcs12).decode())
        bodies = [each for each in written if len(each) >= _LEAST_LENGTH]
        if not bodies:
            return None
        if time.monotonic() - self._read_at > _READ_EVERY_S:
            self._configurations = [
                (int(process.name), content)
                for process in self._processes.glob("[0-9]*")
                for content in _configurations(process)
            ]
            self._read_at = time.monotonic()
        return next(
            (number for number, content in self._configurations if any(each in content for each in bodies)),
            None,
        )


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
    for name in arguments[1:]:
        content = _read(directory / name) if name and not name.startswith("--") else ""
        yield "".join(content.split())
        for line in content.splitlines():
            words = line.split()
            if len(words) > 1 and words[0] in ("cert", "pkcs12"):
                yield "".join(_read(directory / words[1].strip("\"'")).split())


def _read(path: Path) -> str:
    """The text of a file; the base64 of a binary one, as it stands in a profile."""
    with suppress(OSError):
        if path.is_file() and path.stat().st_size <= _LONGEST_FILE:
            content = path.read_bytes()
            return (
                base64.b64encode(content).decode() if b"\0" in content else content.decode(errors="replace")
            )
    return ""
