"""boringtun, Cloudflare's WireGuard in Rust, in a process of its own. No root, no TUN device, no PSK."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from wgmon_tui.fleet.records import Address
from wgmon_tui.wireguard.keys import PresharedKey, PrivateKey

_PEERS = 16  # all of them have to be named at the start


class Boringtun:
    """A boringtun server on loopback."""

    def __init__(self) -> None:
        private_key = PrivateKey.generate()
        self.public_key = private_key.public
        self._unused = [PrivateKey.generate() for _ in range(_PEERS)]
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("boringtun_process.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        peers = [str(peer.public) for peer in self._unused]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(
            json.dumps({"private_key": private_key.to_text(), "peers": peers}),
            file=self._process.stdin,
            flush=True,
        )
        ports = self._process.stdout.readline()
        if not ports:
            self.stop()
            raise AssertionError("boringtun ended before it was ready")
        self._ports = dict(zip((4, 6), json.loads(ports), strict=True))

    def endpoint(self, version: int) -> tuple[Address, int]:
        address = IPv4Address("127.0.0.1") if version == 4 else IPv6Address("::1")
        return address, self._ports[version]

    def vantage(self) -> AbstractContextManager[None]:
        return nullcontext()

    def new_peer(self, psk: PresharedKey | None = None) -> PrivateKey:
        if psk:
            raise ValueError("mitmproxy gives boringtun no preshared key")
        return self._unused.pop()

    def stop(self) -> None:
        try:
            self._process.communicate(timeout=10)  # it ends when its stdin does
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
