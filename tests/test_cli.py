"""Command line, used as from a shell: a process, its output and its exit code."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from tests.forked_program import own_lines, run_program
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Endpoint

pytestmark = pytest.mark.repeated_if_starved  # the servers are in this process, and 0.5 s is slow

CLIENT = PrivateKey.generate()
SETUP = LabSetup(
    PrivateKey.generate(), (LabPeer(CLIENT.public, (ip_network("10.8.0.2/32"),)),), (ip_address("10.8.0.1"),)
)


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


async def run(*words: str, home: Path, **environment: str) -> Ran:
    places = {"HOME": str(home), "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": ""}
    ran = await asyncio.to_thread(run_program, *words, environment={**os.environ, **places, **environment})
    return Ran(ran.code, ran.out.decode(), own_lines(ran.err.decode()))


@pytest.fixture
async def server() -> AsyncIterator[LabServer]:
    async with LabServer(SETUP) as running:
        yield running


def conf(server: LabServer, endpoint: Endpoint | None = None) -> str:
    return (
        f"[Interface]\nPrivateKey = {CLIENT.to_text()}\nAddress = 10.8.0.2/32\n\n"
        f"[Peer]\n# fra1\nPublicKey = {server.public_key}\nEndpoint = {endpoint or server.endpoint}\n"
        "AllowedIPs = 0.0.0.0/0\n"
    )


@pytest.fixture
def wg_conf(tmp_path: Path, server: LabServer) -> Path:
    path = tmp_path / "fra1.conf"
    path.write_text(conf(server))
    path.chmod(0o600)
    return path


async def test_a_wg_quick_file_is_probed_without_writing_a_configuration(
    tmp_path: Path, wg_conf: Path
) -> None:
    ran = await run("probe", "--conf", str(wg_conf), "--quick", home=tmp_path)
    assert ran.code == 0, ran.err
    assert "up" in ran.out
    assert not (tmp_path / ".config").exists()


async def test_probing_with_a_clients_own_file_warns_of_what_that_does(tmp_path: Path, wg_conf: Path) -> None:
    ran = await run("probe", "--conf", str(wg_conf), "--quick", home=tmp_path)
    assert "wgmon-tui keygen" in ran.err


async def test_json_is_one_object_a_line_and_holds_no_secret(tmp_path: Path, wg_conf: Path) -> None:
    ran = await run("probe", "--conf", str(wg_conf), "--json", "--count", "2", "--quick", home=tmp_path)
    lines = ran.out.splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["healthy", "healthy"]
    assert CLIENT.to_text() not in ran.out
    assert CLIENT.raw.hex() not in ran.out


@pytest.mark.thorough
async def test_without_an_inner_address_the_first_hop_proves_the_data_path(
    tmp_path: Path, wg_conf: Path
) -> None:
    ran = await run("probe", "--conf", str(wg_conf), "--json", home=tmp_path)
    line = json.loads(ran.out)
    assert line["tunnel"]["passive"] is True
    assert (line["tunnel"]["sent"], line["tunnel"]["received"]) == (1, 1)
    assert "data passes both ways (10.8.0.1 answers)" in line["summary"]
    assert line["port_monitor"] == "open|filtered"


async def test_a_data_path_that_nothing_proves_makes_the_exit_code_1_and_says_what_to_type_next(
    tmp_path: Path, server: LabServer, wg_conf: Path
) -> None:
    server.set_mode(LabMode.DATA_DROPPED)
    ran = await run("probe", "--conf", str(wg_conf), "--quick", home=tmp_path)
    assert ran.code == 1
    assert "unproven" in ran.out
    assert "wg show wg0 allowed-ips" in ran.out


async def test_an_imported_file_can_be_probed_by_name(tmp_path: Path, wg_conf: Path) -> None:
    imported = await run("import", str(wg_conf), home=tmp_path)
    assert imported.code == 0, imported.err
    assert "WARNING" in imported.err
    assert 'server "fra1" added' in imported.out
    probed = await run("probe", "fra1", "--quick", home=tmp_path)
    assert (probed.code, probed.err) == (0, "")


async def test_a_server_that_is_down_makes_the_exit_code_2_and_says_what_to_type_next(
    tmp_path: Path, server: LabServer
) -> None:
    server.set_mode(LabMode.CLOSED)
    path = tmp_path / "closed.conf"
    path.write_text(conf(server))
    ran = await run("probe", "--conf", str(path), "--quick", home=tmp_path)
    assert ran.code == 2
    assert "port-closed" in ran.out
    assert "wg show" in ran.out


@pytest.mark.thorough
async def test_a_slow_server_makes_the_exit_code_1(tmp_path: Path) -> None:
    async with LabServer(SETUP, LabBehaviour(LabMode.SLOW, slow_delay=0.7)) as server:
        path = tmp_path / "slow.conf"
        path.write_text(conf(server))
        ran = await run("probe", "--conf", str(path), "--quick", home=tmp_path)
    assert (ran.code, "slow" in ran.out) == (1, True)


async def test_a_server_whose_key_cannot_be_read_makes_the_exit_code_3(tmp_path: Path, wg_conf: Path) -> None:
    await run("import", str(wg_conf), home=tmp_path)
    [key] = await asyncio.to_thread(lambda: list(tmp_path.rglob("*.key")))
    key.chmod(0o644)
    ran = await run("probe", home=tmp_path)
    assert ran.code == 3
    assert f"chmod 600 {shlex.quote(str(key))}" in ran.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("probe", "--count", "0"), "from 1"),
        (("probe", "--count", "x"), "--count"),
        (("prob",), 'there is no command "prob"; did you mean "probe"?'),
        (("probe", "--conf", "/nonexistent.conf"), "/nonexistent.conf"),
        (("probe",), "add FILE.conf"),
        (("import", "/nonexistent.conf"), "/nonexistent.conf"),
        (("import",), "wgmon-tui import FILE.conf"),
        (("import", "--wg", "wg0", "more.conf"), "cannot be combined with files"),
        (("import", "--identity", "bastion", "wg0.conf"), 'there is no identity "bastion"'),
        (("import", "--wg", "-"), "no interface"),
        (("import", "--through", "fra1"), '"fra1"'),
        (("keygen", "bad\nname"), "name"),
        (("keygen", "mon", "--address", "10.8.0.300/32"), "--address"),
        (("--read-only", "probe"), "--read-only is for the dashboard, not for `probe`"),
        (
            ("--shard", "1/2", "probe"),
            "--shard is for the dashboard, `run` and `export`, not for `probe`, which uses all servers",
        ),
    ],
)
async def test_bad_usage_is_one_clear_line_and_exit_code_64(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    ran = await run(*words, home=tmp_path)
    assert ran.code == 64
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


async def test_a_hubs_own_interface_is_imported_through_its_inspect_command(tmp_path: Path) -> None:
    config = tmp_path / "etc"
    await run("keygen", "bastion", "--config", str(config), home=tmp_path)
    site, secret = PrivateKey.generate().public, PrivateKey.generate().to_text()
    (config / "hub.dump").write_text(
        f"{secret}\t{PrivateKey.from_text(secret).public}\t51820\toff\n"
        f"{site}\t(none)\t192.0.2.44:51820\t10.44.0.0/16\t0\t0\t0\toff\n"
    )
    with (config / "servers.toml").open("a") as file:
        file.write(
            f'\n[[server]]\nname = "hub"\nendpoint = "192.0.2.1:51820"\nidentity = "bastion"\n'
            f'public_key = "{PrivateKey.from_text(secret).public}"\ninspect = ["cat", "hub.dump"]\n'
        )
    imported = await run("import", "--through", "hub", "--config", str(config), home=tmp_path)
    assert imported.code == 0, imported.err
    assert 'server "hub-wg0" added (192.0.2.44:51820)' in imported.out
    assert secret not in imported.out + (config / "servers.toml").read_text()


async def test_an_unknown_name_suggests_the_nearest(tmp_path: Path, wg_conf: Path) -> None:
    await run("import", str(wg_conf), home=tmp_path)
    ran = await run("probe", "fra", home=tmp_path)
    assert ran.code == 64
    assert "did you mean" in ran.err


async def test_keygen_makes_a_private_file_and_prints_the_stanza_for_the_server(tmp_path: Path) -> None:
    config = tmp_path / "etc"
    ran = await run("keygen", "bastion", "--address", "10.8.0.250/32", "--config", str(config), home=tmp_path)
    key = (config / "bastion.key").read_text().strip()
    assert ran.code == 0, ran.err
    assert f"PublicKey = {PrivateKey.from_text(key).public}" in ran.out
    assert "AllowedIPs = 10.8.0.250/32" in ran.out
    assert key not in ran.out + ran.err
    assert (config / "bastion.key").stat().st_mode & 0o777 == 0o600


async def test_places_may_stand_before_the_command(tmp_path: Path) -> None:
    config = tmp_path / "etc"
    ran = await run("--config", str(config), "keygen", "bastion", home=tmp_path)
    assert ran.code == 0, ran.err
    assert (config / "bastion.key").exists()


async def test_where_stdout_is_no_terminal_the_dashboard_is_one_table(tmp_path: Path, wg_conf: Path) -> None:
    await run("import", str(wg_conf), home=tmp_path)
    ran = await run(home=tmp_path)
    assert ran.code == 0, ran.err
    assert "STATE" in ran.out
    assert "healthy" in ran.out


@pytest.mark.thorough  # three rounds at the demo's own pace
async def test_the_demo_prints_three_tables_where_stdout_is_no_terminal(tmp_path: Path) -> None:
    ran = await run("demo", home=tmp_path)
    assert ran.code == 0, ran.err
    assert ran.out.count("STATE") == 3
    assert "\x1b" not in ran.out


@pytest.mark.thorough
async def test_output_that_cannot_show_the_glyphs_is_ascii(tmp_path: Path, wg_conf: Path) -> None:
    await run("import", str(wg_conf), home=tmp_path)
    ran = await run("probe", "--quick", home=tmp_path, PYTHONIOENCODING="ascii")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("o up")


async def test_one_shot_and_help_run_without_textual(tmp_path: Path, wg_conf: Path) -> None:
    code = (
        "import sys\n"
        "from wgmon_tui.cli.main import main\n"
        f"main(['probe', '--conf', {str(wg_conf)!r}, '--json', '--quick'])\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('textual', 'rich')])\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    out, _ = await process.communicate()
    assert out.decode().splitlines()[-1] == "[]"


@pytest.mark.thorough
async def test_probe_says_that_the_soak_did_not_run_and_which_option_runs_it(
    tmp_path: Path, wg_conf: Path
) -> None:
    table = await run("probe", "--conf", str(wg_conf), "--quick", home=tmp_path)
    assert table.out.splitlines()[-1] == "soak not run: --deep runs it"
    lines = await run("probe", "--conf", str(wg_conf), "--quick", "--json", home=tmp_path)
    assert json.loads(lines.out)["soak"] is None


async def test_deep_names_the_servers_whose_data_path_is_switched_off(tmp_path: Path, wg_conf: Path) -> None:
    assert (await run("import", str(wg_conf), home=tmp_path)).code == 0
    [file] = await asyncio.to_thread(lambda: list(tmp_path.rglob("servers.toml")))
    file.write_text(file.read_text() + "tunnel = false\n")
    ran = await run("probe", "--deep", home=tmp_path)
    assert ran.out.splitlines()[-1].endswith("tunnel = false in servers.toml")
    assert ran.out.splitlines()[-1].startswith("soak not run on ")


async def test_deep_and_quick_exclude_each_other(tmp_path: Path, wg_conf: Path) -> None:
    ran = await run("probe", "--conf", str(wg_conf), "--quick", "--deep", home=tmp_path)
    assert ran.code == 64
    assert "not allowed with" in ran.err
