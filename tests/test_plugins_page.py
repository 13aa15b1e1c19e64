"""docs/plugins.md: what stands there to be pasted, pasted."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from tests.real.prerequisites import require
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.lab.models import LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer

PAGE = (Path(__file__).parent.parent / "docs" / "plugins.md").read_text()
CLIENT = PrivateKey.generate()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
async def server() -> AsyncIterator[LabServer]:
    setup = LabSetup(
        PrivateKey.generate(),
        (LabPeer(CLIENT.public, (ip_network("10.8.0.2/32"),)),),
        (ip_address("10.8.0.1"),),
    )
    async with LabServer(setup) as running:
        yield running


class Machine:
    """The page's directories under one of ours, and the page's commands run there without any account."""

    def __init__(self, root: Path, server: LabServer) -> None:
        self.root = root
        programs = root / "bin"
        programs.mkdir()
        (programs / "wgmon-tui").write_text(f'#!/bin/sh\nexec {sys.executable} -m wgmon_tui "$@"\n')
        (programs / "su").write_text('#!/bin/sh\nexec sh -c "$5"\n')  # su nagios -s /bin/sh -c COMMAND
        (programs / "install").write_text('#!/bin/sh\nshift 7\nmkdir -p -m 700 "$@"\n')
        for program in programs.iterdir():
            program.chmod(0o755)
        self._environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(root)}
        self._entry = re.sub(
            r'endpoint = .*\npublic_key = ".*"',
            f'endpoint = "{server.endpoint}"\npublic_key = "{server.public_key}"',
            blocks("toml")[0],
        )

    def here(self, text: str) -> str:
        return re.sub(r"(?<![\w.])/(etc|var|usr)/", rf"{self.root}/\1/", text)

    async def run(self, script: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-euc", self.here(script)), stdout=subprocess.PIPE, env=self._environment
        )
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    async def prepared(self) -> None:
        """As the page has it: the identity, then the servers; but with the key that the lab lets in."""
        code, out = await self.run(blocks("sh")[0])
        assert (code, "AllowedIPs = 10.8.0.251/32" in out) == (0, True)
        config = self.root / "etc" / "wgmon-plugin"
        (config / "plugin.key").write_text(CLIENT.to_text())
        toml = (config / "servers.toml").read_text().replace("10.8.0.251", "10.8.0.2")
        (config / "servers.toml").write_text(toml + "\n" + self._entry)


@pytest.fixture
async def machine(tmp_path: Path, server: LabServer) -> Machine:
    made = Machine(tmp_path, server)
    await made.prepared()
    return made


async def test_the_plugin_prints_one_status_line(machine: Machine) -> None:
    code, out = await machine.run(blocks("sh")[1])
    assert (code, out.count("\n")) == (0, 1)
    assert re.match(
        r"WIREGUARD OK - fra1 healthy: .* \| rtt=0\.\d+s;0\.5;;0 loss=0%;;;0;100 tunnel_rtt=", out
    )


@pytest.mark.thorough
async def test_the_status_line_says_what_is_wrong_also_where_nothing_can_be_checked(
    machine: Machine, server: LabServer
) -> None:
    server.set_mode(LabMode.CLOSED)
    plugin = blocks("sh")[1]
    assert (await machine.run(plugin))[0] == 2
    (machine.root / "etc" / "wgmon-plugin" / "servers.toml").write_text("[[server]\n")
    code, out = await machine.run(plugin)
    assert (code, out.count("\n")) == (3, 1)
    assert out.startswith("WIREGUARD UNKNOWN - ")
    assert "servers.toml" in out


@pytest.mark.thorough
async def test_the_local_check_of_checkmk_prints_a_service(machine: Machine) -> None:
    code, out = await machine.run(blocks("sh")[2])
    assert code == 0
    assert re.fullmatch(r'0 "WireGuard fra1" rtt=0\.\d+;0\.5;;0\|loss=0;;;0;100\|\S+ fra1 healthy: .*\n', out)


@pytest.mark.thorough
async def test_nagios_starts_the_same_plugin(machine: Machine) -> None:
    command = re.search(r"command_line +(.*)", blocks("nagios")[0])
    assert command
    code, out = await machine.run(command[1].replace("$ARG1$", "fra1"))
    assert (code, out.startswith("WIREGUARD OK - ")) == (0, True)


@pytest.mark.thorough
async def test_icinga_starts_the_same_plugin(machine: Machine) -> None:
    command = re.search(r"command = \[(.*)\]", blocks("icinga2")[0])
    assert command
    words = re.findall(r'"([^"]+)"', command[1])
    code, out = await machine.run(" ".join([*words, "--quick", "--count", "2", "fra1"]))
    assert (code, out.startswith("WIREGUARD OK - ")) == (0, True)


@pytest.mark.thorough
def test_icinga_takes_the_objects(tmp_path: Path) -> None:
    require("icinga2")
    config = tmp_path / "icinga2.conf"
    config.write_text(f"include <itl>\n{blocks('icinga2')[0]}")
    directories = ("DataDir", "LogDir", "CacheDir", "InitRunDir", "SpoolDir")
    checked = subprocess.run(
        ["icinga2", "daemon", "-C", "-c", config, *(f"-D{each}={tmp_path}" for each in directories)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ICINGA2_USER": "root", "ICINGA2_GROUP": "root"},
    )
    assert checked.returncode == 0, checked.stdout
    assert "Instantiated 1 Service." in checked.stdout
