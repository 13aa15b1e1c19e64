"""A UDP relay on the router, in its own process, that changes traffic between clients and server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.real.namespaces import RoutedPath, entered, ip
from tests.real.relay_settings import RelaySettings
from wgmon_tui.net.addresses import Address

_OTHER = 8  # the router is host 1 of the clients' link
_ENDS_WITHIN_S = 60.0


class Relay:
    """A relay on the router's address towards the client; the caller must close it."""

    def __init__(self, path: RoutedPath, server: tuple[Address, int], settings: RelaySettings) -> None:
        self._front = path.router_address(4)
        other = self._front + (_OTHER - 1)
        ip(path.router, f"address replace {other}/24 dev to-client")
        with entered(path.router):
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.real.relay_process"),
                    *map(str, (*server, self._front, other)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        self._port = int(self._answer() or 0)
        self.change(settings)

    @property
    def endpoint(self) -> tuple[Address, int]:
        return self._front, self._port

    def change(self, settings: RelaySettings) -> None:
        """Put settings in force; they are when this returns. Counts of flows begin anew."""
        assert self._process.stdin is not None
        print(settings.to_json(), file=self._process.stdin, flush=True)
        assert self._answer() == "ok", "the relay has ended"

    def close(self) -> None:
        self._process.communicate(timeout=_ENDS_WITHIN_S)  # it ends when its stdin does

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
