"""Tests of a real local interface, with its own key, against the prober's verdict."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.busy_machine import REPETITIONS
from tests.daemon.harness import Program
from tests.real.namespaces import entered, run
from tests.real.server import LONG_S, SHORT_S, poll_until_nonzero
from tests.real.wireguard_go import Device, WireguardGo
from wgmon_tui.config.keys import PresharedKey, PrivateKey

pytestmark = pytest.mark.thorough  # interfaces in namespaces of their own

PSK = PresharedKey(b"h".ljust(32))


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


class Bastion:
    """A machine with its own interface to the server, and a wgmon-tui identity."""

    def __init__(self, server: WireguardGo, home: Path) -> None:
        self.server, self._home = server, home
        self.private_key = server.new_peer(PSK)
        self.device = Device(server.path.client, self.private_key)
        ran = self.wgmon("keygen", "bastion")
        assert ran.code == 0, ran.err
        self.identity = PrivateKey.from_text((home / "bastion.key").read_text().strip())

    def connect(self, host: str) -> None:
        """Set the interface's endpoint; a keepalive starts a handshake at once."""
        self.device.configure(
            f"[Peer]\nPublicKey = {self.server.public_key}\nPresharedKey = {PSK.to_text()}\n"
            f"Endpoint = {host}:{self.server.endpoint(4)[1]}\nAllowedIPs = 10.7.0.1/32\n"
            "PersistentKeepalive = 25\n"
        )

    async def connected(self) -> None:
        self.connect(str(self.server.endpoint(4)[0]))
        await poll_until_nonzero(lambda: self.device.latest_handshake(self.server.public_key))

    def let_in(self) -> None:
        """The commands for the server that the import prints."""
        run("wg", "set", self.server.interface, "peer", str(self.identity.public))

    def wgmon(self, *words: str, stdin: str = "") -> Ran:
        state = self._home / "state"
        state.mkdir(exist_ok=True)
        with entered(self.server.path.client):
            child = subprocess.run(
                [sys.executable, "-W", "error", "-m", "wgmon_tui", "--config", str(self._home),
                 "--state", str(state), *words],
                input=stdin, capture_output=True, text=True, check=False, env={**os.environ, "HOME": "/"},
            )  # fmt: skip
        assert "Traceback" not in child.stderr
        for secret in (self.private_key.to_text(), PSK.to_text()):
            assert secret not in child.stdout + child.stderr
        return Ran(child.returncode, child.stdout, child.stderr)

    @contextmanager
    def running(self) -> Iterator[None]:
        """A writer that checks all servers."""
        words = ("--config", self._home, "--state", self._home / "state", "run")
        with entered(self.server.path.client):
            writer = Program(*words, env={"HOME": "/"})
        try:
            writer.line_with("started")  # earlier, a command would make its checks itself
            yield
        finally:
            writer.signal(signal.SIGTERM)
            writer.end()

    def probed(self, timeout_s: float = LONG_S) -> dict[str, Any]:
        """The server's JSON line, of a check for which this machine had time."""
        toml = self._home / "servers.toml"
        lines = [each for each in toml.read_text().splitlines() if not each.startswith("timeout")]
        lines.insert(lines.index("[[server]]") + 1, f'timeout = "{timeout_s:g}s"')
        toml.write_text("\n".join(lines) + "\n")
        for _ in range(REPETITIONS):
            line: dict[str, Any] = json.loads(self.wgmon("probe", "--quick", "--json").out)
            if not any("this machine is overloaded" in each for each in line["evidence"]):
                break
        return line

    def files(self) -> str:
        """All output."""
        return "".join(path.read_text() for path in self._home.glob("*.*"))


@pytest.fixture
def bastion(wireguard_go: WireguardGo, tmp_path: Path) -> Iterator[Bastion]:
    made = Bastion(wireguard_go, tmp_path)
    yield made
    made.device.stop()


async def test_an_interface_is_imported_without_its_keys_and_checked_with_ours(bastion: Bastion) -> None:
    await bastion.connected()
    misspelt = await asyncio.to_thread(bastion.wgmon, "import", "--wg", "no-such-wg")
    assert (misspelt.code, 'no interface "no-such-wg"; interfaces: ' in misspelt.err) == (64, True)
    ran = await asyncio.to_thread(bastion.wgmon, "import", "--wg", bastion.device.name)
    assert ran.code == 0, ran.err
    assert f'server "{bastion.device.name}" added' in ran.out
    assert f"wg set wg0 peer {bastion.identity.public}" in ran.out
    for secret in (bastion.private_key.to_text(), PSK.to_text()):
        assert secret not in bastion.files()
    bastion.let_in()
    line = await asyncio.to_thread(bastion.probed)
    assert line["handshake"] is not None
    [seen] = line["interfaces"]
    assert (seen["interface"], seen["agreement"], seen["keepalive_s"]) == (bastion.device.name, "ok", 25)


async def test_a_server_that_answers_the_interface_and_not_us_is_told_so(bastion: Bastion) -> None:
    await bastion.connected()
    await asyncio.to_thread(bastion.wgmon, "import", "--wg", bastion.device.name)
    line = await asyncio.to_thread(bastion.probed, SHORT_S)
    assert line["verdict"] == "silent"
    [seen] = line["interfaces"]
    assert seen["agreement"] == "differs"
    assert "so the fault is in this identity or its source port" in seen["finding"]
    run(*seen["fix"].removeprefix("on the server: ").replace("wg0", bastion.server.interface).split())
    assert (await asyncio.to_thread(bastion.probed))["interfaces"][0]["agreement"] == "ok"


@pytest.mark.thorough  # the interface tries again after five seconds
async def test_an_interface_that_sends_elsewhere_is_told_where_the_server_is(bastion: Bastion) -> None:
    await bastion.connected()
    await asyncio.to_thread(bastion.wgmon, "import", "--wg", bastion.device.name)
    bastion.let_in()
    run("wg", "set", bastion.device.name, "peer", str(bastion.server.public_key), "remove")
    bastion.connect("10.77.1.77")
    [seen] = (await asyncio.to_thread(bastion.probed))["interfaces"]
    assert seen["agreement"] == "differs"
    assert "it sends to 10.77.1.77" in seen["finding"]
    run(*seen["fix"].removeprefix("here: ").split())
    await poll_until_nonzero(lambda: bastion.device.latest_handshake(bastion.server.public_key))
    assert (await asyncio.to_thread(bastion.probed))["interfaces"][0]["agreement"] == "ok"


async def test_what_wg_prints_can_be_piped_in_and_inspect_asks_here_too(bastion: Bastion) -> None:
    await bastion.connected()
    name = bastion.device.name
    dump = "".join(f"{name}\t{line}\n" for line in run("wg", "show", name, "dump").splitlines())
    ran = await asyncio.to_thread(lambda: bastion.wgmon("import", "--wg", "-", stdin=dump))
    assert (ran.code, "added" in ran.out) == (0, True), ran.err
    said = await asyncio.to_thread(bastion.wgmon, "inspect", bastion.device.name)
    assert said.code == 0, said.err
    assert f"● ok           {bastion.device.name} here" in said.out


async def test_our_own_key_on_the_interface_is_refused(bastion: Bastion) -> None:
    bastion.device.configure(f"[Interface]\nPrivateKey = {bastion.identity.to_text()}\n")
    bastion.connect(str(bastion.server.endpoint(4)[0]))
    ran = await asyncio.to_thread(bastion.wgmon, "import", "--wg", bastion.device.name)
    assert ran.code == 64
    assert "cut that interface off" in ran.err
