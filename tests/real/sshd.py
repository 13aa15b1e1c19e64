"""Debian's sshd in a namespace, with one key that may run one command."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.real.namespaces import entered, run

PORT = 2222

_READY_WITHIN_S = 60.0
_PRIVILEGE_SEPARATION = Path("/run/sshd")
_OPTIONS = 'restrict,command="{}"'

_CONFIG = """
Port {port}
ListenAddress {address}
HostKey {home}/host
AuthorizedKeysFile {home}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin forced-commands-only
PrintMotd no
"""


class Sshd:
    """An sshd with its own host key and the client's key in authorized_keys."""

    def __init__(self, namespace: str, address: str, home: Path, command: Sequence[str]) -> None:
        """`command` is the only command that the key may run, as this account."""
        self._home, self._address = home, address
        self.known_hosts = home / "known_hosts"
        home.mkdir()
        _PRIVILEGE_SEPARATION.mkdir(exist_ok=True)
        for key in ("host", "client"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / key))
        public = (home / "client.pub").read_text()
        (home / "authorized_keys").write_text(f"{_OPTIONS.format(shlex.join(command))} {public}")
        self.known_hosts.write_text(f"[{address}]:{PORT} {(home / 'host.pub').read_text()}")
        (home / "config").write_text(_CONFIG.format(port=PORT, address=address, home=home))
        with entered(namespace), (home / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["/usr/sbin/sshd", "-D", "-e", "-f", str(home / "config")],
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                self._await_port()
            except BaseException:
                self.stop()
                raise

    def client(self, alive_s: int = 15) -> tuple[str, ...]:
        """The ssh command that connects; sshd always runs the forced command."""
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "2",
            "ServerAliveInterval": str(alive_s),
            "ServerAliveCountMax": "1",
            "IdentitiesOnly": "yes",
            "IdentityFile": str(self._home / "client"),
            "UserKnownHostsFile": str(self.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return (
            "ssh",
            "-F",
            "/dev/null",
            "-T",
            *words,
            "-p",
            str(PORT),
            "--",
            f"root@{self._address}",
            "agent",
        )

    def stop(self) -> None:
        """Stop sshd; its sessions end with their connections."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _await_port(self) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while True:
            with socket.socket() as trying:
                if trying.connect_ex((self._address, PORT)) == 0:
                    return
            assert self._process.poll() is None, (self._home / "log").read_text()
            assert time.monotonic() < deadline, "sshd does not listen"
            time.sleep(0.01)
