"""wireguard-go (Debian's package) in a namespace, set up with wg(8)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.real.fetching import listening_socket
from tests.real.namespaces import RoutedPath, entered, ip, run, unique_name
from wgmon_tui.config.keys import PresharedKey, PrivateKey, PublicKey
from wgmon_tui.net.addresses import Address

_UAPI = Path("/var/run/wireguard")
_READY_WITHIN_S = 60.0
_STARTS = 10
"""`wg show interfaces` deletes a socket that is bound but does not listen yet, and wireguard-go ends then.

Every check of every process on this machine may run it.
"""
_PORT = 51820


class Device:
    """One wireguard-go process and its interface, up, without peers and addresses."""

    def __init__(self, namespace: str, private_key: PrivateKey, port: int = 0) -> None:
        self.name, self.public_key = unique_name("wg"), private_key.public
        self._process = self._start(namespace)
        try:
            listen = f"ListenPort = {port}\n" if port else ""
            self.configure(f"[Interface]\nPrivateKey = {private_key.to_text()}\n{listen}")
            ip(namespace, f"link set dev {self.name} mtu 1420 up")
        except BaseException:
            self.stop()
            raise

    def configure(self, text: str) -> None:
        """Add to the configuration, through stdin: argv would show keys to all users."""
        run("wg", "addconf", self.name, "/dev/stdin", stdin=text)

    def latest_handshake(self, peer: PublicKey) -> int:
        """Unix time in seconds of the last handshake that the peer has confirmed with data; 0 if none."""
        return self._shown("latest-handshakes", peer)[0]

    def endpoints(self) -> set[str]:
        """The addresses and ports of all peers that have one."""
        rows = (line.split("\t") for line in run("wg", "show", self.name, "endpoints").splitlines())
        return {endpoint for _, endpoint in rows if endpoint != "(none)"}

    def received(self, peer: PublicKey) -> int:
        """Bytes received from the peer in WireGuard messages."""
        return self._shown("transfer", peer)[0]

    def _shown(self, what: str, peer: PublicKey) -> list[int]:
        rows = [line.split("\t") for line in run("wg", "show", self.name, what).splitlines()]
        return next([int(cell) for cell in row[1:]] for row in rows if row[0] == str(peer))

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
        """Stop the process; the kernel removes its interface and sockets."""
        self._process.kill()
        self._process.wait()
        (_UAPI / f"{self.name}.sock").unlink(missing_ok=True)

    def _start(self, namespace: str) -> subprocess.Popen[bytes]:
        """Start the process until one listens."""
        for _ in range(_STARTS):
            with entered(namespace):
                process = subprocess.Popen(
                    ["wireguard-go", "-f", self.name],
                    # One processor: what waits in its socket is queued before any of it is worked off, so a
                    # test can put it under load at will.
                    env={"LOG_LEVEL": "silent", "GOMAXPROCS": "1"},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            try:
                if self._listens(process):
                    return process
            except BaseException:
                process.kill()
                process.wait()
                raise
        raise AssertionError(f"wireguard-go ended {_STARTS} times before it was ready")

    def _listens(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until its socket listens; False if it ended before."""
        deadline = time.monotonic() + _READY_WITHIN_S
        with socket.socket(socket.AF_UNIX) as uapi:
            while uapi.connect_ex(str(_UAPI / f"{self.name}.sock")) != 0:
                if process.poll() is not None:
                    return False
                assert time.monotonic() < deadline, "wireguard-go gave no UAPI socket"
                time.sleep(0.005)
        return True


class WireguardGo:
    """A wireguard-go server behind the router of a routed path; its inner addresses are 10.7.0.1, fd07::1."""

    inner_net = 0

    def __init__(self, path: RoutedPath, port: int = _PORT) -> None:
        self.path = path
        private_key = PrivateKey.generate()
        self.public_key = private_key.public
        self._port = port
        self._peers = 1
        self.device = Device(path.server, private_key, port)
        self.interface = self.device.name
        ip(
            path.server,
            f"address add 10.7.0.1/24 dev {self.interface}\n"
            f"address add fd07::1/64 dev {self.interface} nodad",
        )

    def endpoint(self, version: int) -> tuple[Address, int]:
        return self.path.server_address(version), self._port

    def vantage(self) -> AbstractContextManager[None]:
        return entered(self.path.client)

    def new_peer(self, psk: PresharedKey | None = None) -> PrivateKey:
        private_key = PrivateKey.generate()
        self._peers += 1
        inner = f"AllowedIPs = 10.7.0.{self._peers}/32, fd07::{self._peers:x}/128\n"
        preshared = f"PresharedKey = {psk.to_text()}\n" if psk else ""
        self.device.configure(f"[Peer]\nPublicKey = {private_key.public}\n{inner}{preshared}")
        return private_key

    def listen(self) -> socket.socket:
        """A socket for the service, on all addresses of the server."""
        return listening_socket(self.path.server)

    def run(self, script: str) -> str:
        """Run a shell script in the server's namespace, not through argv: it may contain keys."""
        with entered(self.path.server):
            return run("sh", "-se", stdin=script)

    def frozen(self) -> AbstractContextManager[None]:
        return self.device.frozen()

    def stop(self) -> None:
        self.device.stop()
