"""Library: as documented in docs/library.md, and as a program uses it."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Any

import pytest

import wgmon_tui
from wgmon_tui import (
    ConfigurationError,
    Endpoint,
    PrivateKey,
    Round,
    Server,
    Severity,
    Target,
    Verdict,
    check_async,
)
from wgmon_tui.control.one_shot_rounds import OneShotRounds
from wgmon_tui.lab.models import LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.monitor.check_round import CheckDepth

pytestmark = pytest.mark.repeated_if_starved  # the servers are in this process, and 0.5 s is slow

ROOT = Path(__file__).parent.parent
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "library.md").read_text(), re.M | re.S)
CLIENT = PrivateKey.generate()
ADDRESS = ip_interface("10.8.0.250/32")


@pytest.fixture
async def server() -> AsyncIterator[LabServer]:
    peer = LabPeer(CLIENT.public, (ip_network(ADDRESS),))
    async with LabServer(LabSetup(PrivateKey.generate(), (peer,), (ip_address("10.8.0.1"),))) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, server: LabServer) -> Path:
    """Return a configuration as made by keygen and the README's first steps."""
    made = tmp_path / ".config" / "wgmon-tui"
    made.mkdir(mode=0o700, parents=True)
    (made / "servers.toml").write_text(
        f'[[identity]]\nname = "lab"\nprivate_key_file = "lab.key"\naddresses = ["{ADDRESS}"]\n'
        f'[[server]]\nname = "fra1"\nendpoint = "{server.endpoint}"\n'
        f'public_key = "{server.public_key}"\nidentity = "lab"\ntunnel_ping = ["10.8.0.1"]\n'
    )
    (made / "lab.key").write_text(CLIENT.to_text())
    for file in made.iterdir():
        file.chmod(0o600)
    return made


def record(server: LabServer) -> wgmon_tui.Server:
    return wgmon_tui.Server("fra1", server.endpoint, server.public_key, "lab")


def target(server: LabServer) -> Target:
    return Target(record(server), CLIENT, tunnel_addresses=(ADDRESS,))


# Documentation page


@pytest.mark.thorough
async def test_the_first_example_prints_what_was_found(config: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": ""}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", EXAMPLES[0]), stdout=subprocess.PIPE, env=environment, cwd=ROOT
    )
    out, _ = await process.communicate()
    first, summary, rtt = out.decode().splitlines()
    assert (process.returncode, first) == (0, "healthy up")
    assert summary.startswith("A real client can connect")
    assert rtt.endswith(" ms")


@pytest.mark.thorough
async def test_the_second_example_gives_the_names_of_those_that_are_down(
    server: LabServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    names: dict[str, Any] = {}
    exec(EXAMPLES[1], names)
    fleet = {
        "up": (server.endpoint.host, server.endpoint.port, str(server.public_key)),
        "gone": ("127.0.0.1", 9, str(PrivateKey.generate().public)),
    }
    assert await names["down"](fleet, CLIENT.to_text()) == ["gone"]


@pytest.mark.thorough
def test_strict_typing_knows_every_name_of_the_examples(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="needs mypy, from the dev extra")
    for number, example in enumerate(EXAMPLES):
        (tmp_path / f"example{number}.py").write_text(example)
    (tmp_path / "misspelt.py").write_text("import wgmon_tui\n\nwgmon_tui.chek()\n")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", ROOT / ".mypy_cache",
         "--no-site-packages", "--follow-imports=silent", *tmp_path.iterdir()],
        capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, "MYPYPATH": str(ROOT)},
    )  # fmt: skip
    [complaint, _] = checked.stdout.splitlines()
    assert re.match(r'.*misspelt\.py:3: error: Module has no attribute "chek"', complaint)


# Import cost


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import wgmon_tui", ("nacl", "asyncio", "wgmon_tui.config", "textual", "rich")),
        (
            "from wgmon_tui import *",
            ("wgmon_tui.tui", "wgmon_tui.cli.main", "wgmon_tui.daemon", "textual", "rich"),
        ),
    ],
)
def test_nothing_is_imported_that_is_not_used_and_never_the_face(code: str, absent: tuple[str, ...]) -> None:
    code += f"\nimport sys\nprint([name for name in {absent!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout == "[]\n"


def test_every_name_on_offer_is_there_and_no_other() -> None:
    assert all(getattr(wgmon_tui, name) is not None for name in wgmon_tui.__all__)
    assert set(wgmon_tui.__all__) <= set(dir(wgmon_tui))
    with pytest.raises(AttributeError, match="no attribute 'chek'"):
        wgmon_tui.chek  # type: ignore[attr-defined]  # noqa: B018  the misspelling is what is tested


# Arguments


async def test_a_name_a_record_a_target_and_a_wg_quick_file_are_the_same_server(
    server: LabServer, config: Path, tmp_path: Path
) -> None:
    conf = tmp_path / "fra1.conf"
    conf.write_text(
        f"[Interface]\nPrivateKey = {CLIENT.to_text()}\nAddress = {ADDRESS}\n"
        f"[Peer]\nPublicKey = {server.public_key}\nEndpoint = {server.endpoint}\nAllowedIPs = ::/0\n"
    )
    conf.chmod(0o600)
    for given in ("fra1", record(server), target(server), conf):
        found = await check_async(given, config=config, state=tmp_path / "state", quick=True)
        assert (found.diagnosis.verdict, found.check.server) == (Verdict.HEALTHY, "fra1")


async def test_check_is_for_programs_without_an_event_loop(server: LabServer, tmp_path: Path) -> None:
    found = await asyncio.to_thread(wgmon_tui.check, target(server), state=tmp_path, quick=True)
    assert found.diagnosis.verdict.severity is Severity.UP
    again = wgmon_tui.diagnose(found.check, record(server))
    assert again == found.diagnosis


async def test_deep_adds_the_soak(server: LabServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depths = []

    async def run(rounds: OneShotRounds, server: Server, aim: Target, depth: CheckDepth) -> Round:
        depths.append(depth)
        return await original(rounds, server, aim, CheckDepth())

    original = OneShotRounds.run
    monkeypatch.setattr(OneShotRounds, "run", run)
    for deep in (False, True):
        await check_async(target(server), state=tmp_path, deep=deep)
    assert [depth.soak for depth in depths] == [False, True]


async def test_what_the_server_does_is_in_the_diagnosis(server: LabServer, tmp_path: Path) -> None:
    server.set_mode(LabMode.CLOSED)
    found = await check_async(target(server), state=tmp_path, quick=True)
    assert found.diagnosis.verdict is Verdict.PORT_CLOSED
    assert found.diagnosis.causes[0].fix


async def test_what_is_wrong_with_our_own_files_is_one_line(
    server: LabServer, config: Path, tmp_path: Path
) -> None:
    stranger = replace(record(server), identity="nobody")
    (config / "lab.key").chmod(0o644)
    for given, said in (
        ("fra2", 'no server "fra2"'),
        (stranger, 'no identity "nobody"'),
        ("fra1", "chmod 600"),
        (tmp_path / "nowhere.conf", "nowhere.conf"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            await check_async(given, config=config, state=tmp_path / "state")


async def test_a_wg_quick_file_with_several_servers_names_them(server: LabServer, tmp_path: Path) -> None:
    peer = f"[Peer]\nPublicKey = {server.public_key}\nEndpoint = {Endpoint('127.0.0.1', 9)}\n"
    conf = tmp_path / "two.conf"
    conf.write_text(f"[Interface]\nPrivateKey = {CLIENT.to_text()}\n# ams1\n{peer}# ams2\n{peer}")
    with pytest.raises(ConfigurationError, match=r"several servers \(ams1, ams2\)"):
        await check_async(conf, state=tmp_path)


async def test_stamps_that_cannot_be_kept_are_warned_of(server: LabServer, tmp_path: Path) -> None:
    (tmp_path / "stamps").write_text("")
    with pytest.warns(RuntimeWarning, match="kept in memory"):
        await check_async(target(server), state=tmp_path, quick=True)
