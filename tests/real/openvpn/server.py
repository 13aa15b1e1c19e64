"""OpenVPN's server in a namespace, and the profile of a client of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.protocols.openvpn.certificates import Authority, Issued
from tests.real.namespaces import entered, run, unique_name

READY = "Initialization Sequence Completed"
_READY_WITHIN_S = 20.0
SERVER_INSIDE = "10.88.0.1"


@cache
def authority() -> Authority:
    """The authority of the tests."""
    return Authority()


@cache
def server_certificate() -> Issued:
    """The certificate of the server."""
    return authority().issue("vpn.example", "server")


@cache
def client_certificate() -> Issued:
    """The certificate of the client."""
    return authority().issue("monitor")


@cache
def static_key() -> str:
    """A key for tls-auth and tls-crypt."""
    return run("openvpn", "--genkey", "secret", "/dev/stdout")


@cache
def other_static_key() -> str:
    """A key that no server has."""
    return run("openvpn", "--genkey", "secret", "/dev/stdout")


@cache
def server_key_v2() -> str:
    """The key of a server for tls-crypt-v2."""
    return run("openvpn", "--genkey", "tls-crypt-v2-server", "/dev/stdout")


def client_key_v2(server_key: str, directory: Path) -> str:
    """The key of a client for tls-crypt-v2."""
    path, made = directory / "v2.key", directory / "v2-client.key"
    path.write_text(server_key)
    run("openvpn", "--tls-crypt-v2", str(path), "--genkey", "tls-crypt-v2-client", str(made))
    return made.read_text()


def block(name: str, content: str) -> str:
    """An inline block of a configuration."""
    return f"<{name}>\n{content.strip()}\n</{name}>\n"


@dataclass
class ServerSetup:
    """What a server is configured with. `more` are further lines."""

    proto: str = "udp"
    port: int = 1194
    issued: Issued = field(default_factory=server_certificate)
    ca: str = field(default_factory=lambda: authority().certificate)
    more: str = ""
    pool: str = "server 10.88.0.0 255.255.255.0"
    wrapping: str = ""
    address: str = "127.0.0.1"

    def text(self, device: str) -> str:
        """The configuration."""
        version = "6" if ":" in self.address else ""
        proto = f"tcp{version}-server" if self.proto == "tcp" else f"udp{version}"
        lines = (
            f"local {self.address}\nport {self.port}\nproto {proto}\ndev {device}\ndev-type tun\n",
            f"dh none\ntopology subnet\n{self.pool}\nkeepalive 2 10\nverb 4\n",
            block("ca", self.ca) + block("cert", self.issued.certificate) + block("key", self.issued.key),
            self.wrapping,
            self.more,
        )
        return "".join(f"{each.rstrip()}\n" for each in lines)


def client_profile(
    setup: ServerSetup, issued: Issued | None = None, *, wrapping: str | None = None, more: str = ""
) -> str:
    """The profile that fits a server. `wrapping` and `issued` replace those of the server's clients."""
    issued = issued or client_certificate()
    return "".join(
        (
            f"client\ndev tun\nnobind\nremote {setup.address} {setup.port} {setup.proto}\nverb 4\n",
            block("ca", authority().certificate),
            block("cert", issued.certificate) + block("key", issued.key),
            setup.wrapping.replace("key-direction 0", "key-direction 1") if wrapping is None else wrapping,
            more,
        )
    )


@cache
def installed_version() -> tuple[int, int]:
    """The version of the installed openvpn: (2, 6)."""
    # `openvpn --version` ends with 1 before 2.6.
    said = subprocess.run(["openvpn", "--version"], capture_output=True, text=True, check=False).stdout
    major, minor = said.split()[1].split(".")[:2]
    return int(major), int(minor)


class OpenVpn:
    """One openvpn process, with its output in a file."""

    def __init__(self, namespace: str, directory: Path, configuration: str, *arguments: str) -> None:
        name = unique_name("o")
        self.log_path = directory / f"{name}.log"
        path = directory / f"{name}.conf"
        path.write_text(configuration)
        path.chmod(0o600)
        with entered(namespace), self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                ["openvpn", "--config", str(path), *arguments], stdout=log, stderr=log, cwd=directory
            )

    @property
    def log(self) -> str:
        """What it has written."""
        return self.log_path.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def await_line(self, *texts: str, within_s: float = _READY_WITHIN_S) -> str:
        """Wait for a line with one of these texts, and return that text; "" if the process or time ended."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            is_over = self._process.poll() is not None
            if found := next((each for each in texts if each in self.log), ""):
                return found
            if is_over:
                return ""
            time.sleep(0.02)
        return ""

    def stop(self) -> None:
        """End it; its port is closed on return."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                os.kill(self._process.pid, signal.SIGKILL)
                self._process.wait()


@contextmanager
def running_server(namespace: str, directory: Path, setup: ServerSetup) -> Iterator[OpenVpn]:
    """A server that is ready."""
    server = OpenVpn(namespace, directory, setup.text(unique_name("t")))
    try:
        assert server.await_line(READY), server.log
        yield server
    finally:
        server.stop()


def wrappings(directory: Path) -> dict[str, tuple[str, str]]:
    """The lines of server and client for each wrapping, by name."""
    static, v2 = static_key(), server_key_v2()
    auth = block("tls-auth", static)
    client = block("tls-crypt-v2", client_key_v2(v2, directory))
    return {
        "plain": ("", ""),
        "tls-auth": (f"{auth}key-direction 0\n", f"{auth}key-direction 1\n"),
        "tls-auth without a direction": (auth, auth),
        "tls-auth with SHA256": (f"{auth}auth SHA256\n", f"{auth}auth SHA256\n"),
        "tls-crypt": (block("tls-crypt", static),) * 2,
        "tls-crypt-v2": (block("tls-crypt-v2", v2), client),
        "tls-crypt-v2 with a cookie": (_forced_cookie(v2, directory), client),
    }


def _forced_cookie(key: str, directory: Path) -> str:
    path = directory / "forced.key"
    path.write_text(key + "\n")
    return f"tls-crypt-v2 {path} force-cookie\n"
