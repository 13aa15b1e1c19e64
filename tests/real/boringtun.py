"""boringtun, Cloudflare's WireGuard in Rust, in its own process. No root, no TUN device, no PSK."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from tests.real.namespaces import RoutedPath, entered
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.net.addresses import Address

_PEERS = 16  # all of them have to be named at the start
_EVERYWHERE = ("0.0.0.0", "::")
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


class Boringtun:
    """A boringtun server on loopback or behind a router. It has every inner address."""

    inner_net = 0
    interface = ""

    def __init__(self, path: RoutedPath | None = None) -> None:
        self._path = path
        self._addresses = path.server_addresses if path else _LOOPBACK
        private_key = PrivateKey.generate()
        self.public_key = private_key.public
        self._unused = [PrivateKey.generate() for _ in range(_PEERS)]
        with entered(path.server) if path else nullcontext():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.real.boringtun_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        setup = {
            "hosts": _EVERYWHERE if path else [str(address) for address in _LOOPBACK],
            "private_key": private_key.to_text(),
            "peers": [str(peer.public) for peer in self._unused],
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(setup), file=self._process.stdin, flush=True)
        ports = self._process.stdout.readline()
        if not ports:
            self.stop()
            raise AssertionError("boringtun ended before it was ready")
        self._ports: list[int] = json.loads(ports)

    def endpoint(self, version: int) -> tuple[Address, int]:
        return self._addresses[version == 6], self._ports[version == 6]

    def vantage(self) -> AbstractContextManager[None]:
        return entered(self._path.client) if self._path else nullcontext()

    def new_peer(self, psk: PresharedKey | None = None) -> PrivateKey:
        if psk:
            raise ValueError("mitmproxy gives boringtun no preshared key")
        return self._unused.pop()

    def listen(self) -> None:
        """Nothing: its process serves at all inner addresses."""

    def run(self, script: str) -> str:
        raise AssertionError(f"boringtun has neither interface nor shell: {script}")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the process without ending it: its sockets stay bound and fill up."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # until it really has stopped
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        try:
            self._process.communicate(timeout=10)  # it ends when its stdin does
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
