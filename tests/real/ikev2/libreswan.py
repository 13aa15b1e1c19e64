"""libreswan's pluto, a second IKEv2 server that others wrote.

Debian's package excludes strongSwan's, so `.ci/run` only unpacks it, and names the directory in the variable
LIBRESWAN. CONTRIBUTING.md has the commands for a developer's machine.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real.ikev2.world import MONITOR, SECRET, SERVER
from tests.real.namespaces import entered, run
from tests.real.prerequisites import give_up, require

READY = "loading secrets from"
_READY_WITHIN_S = 60.0


def unpacked() -> Path:
    """The directory of the unpacked packages. Skips the test without one."""
    require("ip", "unshare", root=True)
    root = Path(os.environ.get("LIBRESWAN", "/nowhere"))
    if not (root / "usr/libexec/ipsec/pluto").exists():
        give_up("LIBRESWAN names no directory with libreswan in it: see CONTRIBUTING.md")
    return root


class Pluto:
    """A running pluto. `setup` are lines of `config setup`, `connection` those of its only connection."""

    def __init__(self, namespace: str, directory: Path, setup: str, connection: str) -> None:
        root = unpacked()
        self._namespace = namespace
        self.log_path = directory / "pluto.log"
        (directory / "nss").mkdir(parents=True)
        libraries = {"LD_LIBRARY_PATH": str(root / "usr/lib/x86_64-linux-gnu")}
        self._environment = {**os.environ, **libraries}
        certutil = [str(root / "usr/bin/certutil"), "-N", "-d", f"sql:{directory}/nss", "--empty-password"]
        subprocess.run(certutil, env=self._environment, check=True)
        configuration = directory / "ipsec.conf"
        configuration.write_text(_configuration(directory, setup, connection))
        (directory / "ipsec.secrets").write_text(f'@{SERVER} @{MONITOR} : PSK "{SECRET}"\n')
        # pluto starts its other programs from a fixed path.
        pluto = f"{root}/usr/libexec/ipsec/pluto --nofork --stderrlog --use-xfrm --rundir {directory}"
        command = f"mount --bind {root}/usr/libexec /usr/libexec && exec {pluto} --config {configuration}"
        with entered(namespace), self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", command],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _READY_WITHIN_S
        while READY not in self.log:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    @property
    def log(self) -> str:
        """What it has written."""
        return self.log_path.read_text(errors="replace")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with entered(self._namespace):  # it leaves policies and half-open sessions in the kernel
            run("ip", "xfrm", "policy", "flush")
            run("ip", "xfrm", "state", "flush")


def _configuration(directory: Path, setup: str, connection: str) -> str:
    lines = (
        f"nssdir={directory}/nss",
        f"ipsecdir={directory}",
        f"secretsfile={directory}/ipsec.secrets",
        f"dumpdir={directory}",
        "dnssec-enable=no",
        *setup.splitlines(),
    )
    own = ("ikev2=insist", "authby=secret", "auto=add", *connection.splitlines())
    return "".join(
        ["config setup\n", *(f"\t{each}\n" for each in lines), "conn own\n", *(f"\t{each}\n" for each in own)]
    )


@contextmanager
def pluto(namespace: str, directory: Path, *, setup: str = "", connection: str = "") -> Iterator[Pluto]:
    """A server with one connection, for the monitor, by preshared key."""
    ends = (
        f"left=10.77.2.2\nleftid=@{SERVER}\nleftsubnet=0.0.0.0/0\n"
        f"right=%any\nrightid=@{MONITOR}\nrightaddresspool=10.99.0.10-10.99.0.99\n"
    )
    started = Pluto(namespace, directory, setup, ends + connection)
    try:
        yield started
    finally:
        started.stop()
