"""strongSwan's charon, an IKEv2 server and client that others wrote, in a namespace of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.real.namespaces import entered
from tests.real.prerequisites import give_up, require

CHARON = Path("/usr/lib/ipsec/charon")

_PLUGINS = (
    "random nonce aes sha1 sha2 hmac kdf curve25519 gcm chapoly gmp openssl pem pkcs1 pkcs8 x509 pubkey "
    "constraints revocation eap-identity eap-mschapv2 eap-md5 socket-default vici"
)
_LOG = """
  filelog {{
    log {{
      path = {log}
      default = 1
      ike = 2
      flush_line = yes
    }}
  }}
"""


class Charon:
    """A running charon. `directory` holds its configuration, its log and its socket."""

    def __init__(self, namespace: str, directory: Path, settings: str, plugins: str) -> None:
        self.directory = directory
        self.log = directory / "charon.log"
        self._uri = f"unix://{directory}/charon.vici"
        configuration = directory / "strongswan.conf"
        configuration.write_text(
            "charon {\n"
            f"  load = {_PLUGINS} {plugins}\n  plugins {{ vici {{ socket = {self._uri} }} }}\n"
            f"{_LOG.format(log=self.log)}\n{settings}\n}}\n"
        )
        # The file with its process ID has a fixed path: each charon gets a /run of its own.
        own_run = "mount -t tmpfs none /run && exec " + str(CHARON)
        with entered(namespace):
            self._process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", own_run],
                env={**os.environ, "STRONGSWAN_CONF": str(configuration)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while subprocess.run(self._swanctl("--version"), capture_output=True, check=False).returncode:
            assert self._process.poll() is None, f"charon ended: {self.log.read_text()}"
            assert time.monotonic() < deadline, "charon does not answer"
            time.sleep(0.05)

    def _swanctl(self, *arguments: str) -> list[str]:
        return ["swanctl", *arguments, "--uri", self._uri]

    def load(self, configuration: str) -> None:
        """Load swanctl.conf: connections, secrets, authorities and pools, in place of the ones before."""
        path = self.directory / "swanctl.conf"
        path.write_text(configuration)
        done = subprocess.run(
            self._swanctl("--load-all", "--clear", "--file", str(path)),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "SWANCTL_DIR": str(self.directory)},
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run swanctl, for example `--list-sas`."""
        return subprocess.run(self._swanctl(*arguments), capture_output=True, text=True, check=False)

    def sessions(self) -> str:
        """The IKE SAs that it has, as swanctl lists them."""
        return self.run("--list-sas").stdout

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def charon(
    namespace: str,
    directory: Path,
    configuration: str,
    *,
    settings: str = "",
    plugins: str = "kernel-netlink",
    files: Mapping[str, bytes] | None = None,
) -> Iterator[Charon]:
    """Run charon with swanctl.conf and lines of strongswan.conf. `files`: certificates and keys by path."""
    require("swanctl", "ip", "unshare", root=True)
    if not CHARON.exists():
        give_up("charon missing: apt-get install --no-install-recommends strongswan-charon")
    directory.mkdir(parents=True, exist_ok=True)
    for folder in ("x509", "x509ca", "x509crl", "private"):
        (directory / folder).mkdir(exist_ok=True)
    for name, content in (files or {}).items():
        (directory / name).write_bytes(content)
    started = Charon(namespace, directory, settings, plugins)
    try:
        started.load(configuration)
        yield started
    finally:
        started.stop()
