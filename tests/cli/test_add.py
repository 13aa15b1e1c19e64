"""The command `add`, as from a shell: what it writes and prints, and what it waits for."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.config.sample_fleets import OWN_KEY, SERVER_KEY
from tests.protocols.openvpn.profile_texts import profile
from tests.test_cli import Ran, run
from wgmon_tui.cli import add_sources
from wgmon_tui.cli.main import main
from wgmon_tui.cli.server_login import ServerLogin
from wgmon_tui.config.imports.new_identity import keygen
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.peer_command import PeerCommand
from wgmon_tui.config.secrets.keyring import read_private_key
from wgmon_tui.config.servers_file import read
from wgmon_tui.lab.models import LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.terminal import detect_terminal

WORDS = ("fra1", "fra1.example.net:51820", str(SERVER_KEY))
CONF = (
    f"[Interface]\nPrivateKey = {OWN_KEY.to_text()}\nAddress = 10.8.0.7/24\n"
    f"[Peer]\nPublicKey = {SERVER_KEY}\nEndpoint = fra1.example.net:51820\n"
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config"


def add(config: Path, *words: str) -> int:
    return main(["add", "--config", str(config), "--state", str(config.parent / "state"), *words])


def private(path: Path, text: str) -> str:
    path.touch(0o600)
    path.write_text(text)
    return str(path)


def test_the_line_for_the_server_stands_alone_and_the_files_are_named(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(config, *WORDS, "--no-wait", "--tunnel-address", "10.8.0.250", "--identity", "here") == 0
    out = capsys.readouterr().out.splitlines()
    key = PrivateKey.from_text((config / "here.key").read_text()).public
    assert f"wg set wg0 peer {key} allowed-ips 10.8.0.250/32" in out
    assert "wg-quick save wg0" in out
    assert f'Server "fra1" (fra1.example.net:51820) added to {config}/servers.toml' in out
    assert f'Created identity "here"; private key: {config}/here.key' in out


def test_json_names_the_line_and_the_files_and_no_secret(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    secret = PresharedKey(bytes([5]) * 32).to_text()
    file = private(tmp_path / "psk", secret)
    assert add(config, *WORDS, "--no-wait", "--psk-file", file, "--json", "--interface", "wg7") == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["type_on_server"].startswith("wg set wg7 peer ")
    assert (found["server"], found["added"], found["result"]) == ("fra1", True, None)
    assert found["files"]["servers_toml"] == f"{config}/servers.toml"
    assert secret not in out + err


def test_every_bad_word_is_named_and_nothing_is_written(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(config, "fra1", "fra1.example.net", "key") == 64
    err = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[2] for line in err] == ["ENDPOINT", "PUBLIC_KEY"]
    assert not (config / "servers.toml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fra1", WORDS[1]), "expected three words"),
        (("nothing",), "there is no file nothing"),
        (("fra1", WORDS[2], WORDS[1]), "the key comes last"),
        ((*WORDS, "--yes"), "--yes needs --ssh"),
        ((*WORDS, "--use-file-key"), "--use-file-key needs FILE.conf"),
        ((*WORDS, "--ssh", "fra1"), "without a terminal, add --yes"),
        ((*WORDS, "--ssh=-oProxyCommand=touch x", "--yes"), "--ssh: expected a host"),
        ((*WORDS, "--psk-file", "/nowhere"), "--psk-file: there is no file"),
    ],
)
def test_bad_usage_is_named_before_anything_is_written(
    config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert add(config, *words) == 64
    assert said in capsys.readouterr().err
    assert not (config / "servers.toml").exists()


def test_a_file_gets_a_separate_identity_and_its_key_is_not_copied(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(config, private(tmp_path / "fra1.conf", CONF), "--no-wait") == 0
    fleet = read(config).fleet
    assert [each.name for each in fleet.servers] == ["fra1"]
    keys = [PrivateKey.from_text(each.read_text()) for each in config.glob("*.key")]
    assert keys
    assert OWN_KEY not in keys
    assert "Only the handshake is checked" in capsys.readouterr().out


def test_the_key_of_the_file_is_used_on_request_with_a_warning(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(config, private(tmp_path / "fra1.conf", CONF), "--no-wait", "--use-file-key") == 0
    [key] = config.glob("*.key")
    assert PrivateKey.from_text(key.read_text()) == OWN_KEY
    out = capsys.readouterr().out
    assert "do not monitor with a key that a real client uses" in out
    assert "wg set" not in out


def test_json_says_whether_the_key_of_the_file_made_an_identity(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = private(tmp_path / "fra1.conf", CONF)
    created = []
    for _ in range(2):
        assert add(config, conf, "--no-wait", "--use-file-key", "--json") == 0
        created.append(json.loads(capsys.readouterr().out)["identity"]["created"])
    assert created == [True, False]


def test_the_command_to_type_has_the_directories_quoted_and_each_name_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, conf = tmp_path / "my files", private(tmp_path / "fra1.conf", CONF)
    assert add(config, conf, conf, "--no-wait") == 0
    out = capsys.readouterr().out
    assert f"\nwgmon-tui --config '{config}' --state {tmp_path / 'state'} probe fra1\n" in out


@pytest.mark.parametrize(("typed", "addresses"), [("", ()), ("10.8.0.254", ("10.8.0.254/32",))])
def test_at_a_terminal_a_file_with_a_network_asks_for_the_tunnel_address(
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    addresses: tuple[str, ...],
) -> None:
    interactive = replace(detect_terminal(), is_input=True, is_output=True, term="xterm")
    monkeypatch.setattr(add_sources, "detect_terminal", lambda: interactive)
    monkeypatch.setattr("builtins.input", lambda _: typed)
    assert add(config, private(tmp_path / "fra1.conf", CONF), "--no-wait") == 0
    assert "one of 10.8.0.0/24 that no peer has, such as 10.8.0.254" in capsys.readouterr().out
    fleet = read(config).fleet
    assert tuple(map(str, fleet.identities[0].addresses)) == addresses
    assert fleet.servers[0].tunnel is bool(addresses)


def test_at_a_terminal_an_address_that_cannot_be_is_asked_for_again(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    interactive = replace(detect_terminal(), is_input=True, is_output=True, term="xterm")
    monkeypatch.setattr(add_sources, "detect_terminal", lambda: interactive)
    answers = iter(("10.8.0.300", "10.8.0.7", "10.8.0.250"))
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    assert add(config, private(tmp_path / "fra1.conf", CONF), "--no-wait") == 0
    out = capsys.readouterr().out
    assert "Expected an address such as 10.8.0.254." in out
    assert "10.8.0.7 is the address of the client" in out
    assert tuple(map(str, read(config).fleet.identities[0].addresses)) == ("10.8.0.250/32",)


def test_an_identity_with_the_key_of_the_file_is_not_the_separate_one(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = private(tmp_path / "fra1.conf", CONF)
    keygen("client", config, private_key=OWN_KEY)
    assert add(config, conf, "--no-wait", "--identity", "client") == 64
    assert "cut its client off" in capsys.readouterr().err
    assert add(config, conf, "--no-wait") == 0
    fleet = read(config).fleet
    used = fleet.identity(fleet.servers[0].identity)
    assert used
    assert read_private_key(used, config) != OWN_KEY


def test_ssh_to_one_host_is_refused_for_several_servers(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (private(tmp_path / f"{name}.conf", CONF) for name in ("a", "b"))
    assert add(config, one, two, "--ssh", "fra1", "--yes") == 64
    assert "the files have 2 servers" in capsys.readouterr().err
    assert not (config / "servers.toml").exists()


def test_the_address_of_the_client_is_refused_for_the_checks(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = private(tmp_path / "fra1.conf", CONF)
    assert add(config, conf, "--no-wait", "--tunnel-address", "10.8.0.7") == 64
    assert "would take it away from that client" in capsys.readouterr().err
    assert not (config / "servers.toml").exists()


def test_what_is_bad_in_a_file_is_named_and_the_rest_is_added(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = private(tmp_path / "bad.conf", CONF.replace("fra1.example.net:51820", "x"))
    good = private(tmp_path / "good.conf", CONF)
    assert add(config, bad, good, "--no-wait") == 64
    assert "bad.conf: line 6" in capsys.readouterr().err
    assert [each.name for each in read(config).fleet.servers] == ["good"]


def lab_setup(config: Path, *, has_peer: bool = True) -> LabSetup:
    """A server that knows the identity "here" of this configuration."""
    peer = LabPeer(keygen("here", config).public_key)
    return LabSetup(PrivateKey.generate(), (peer,) if has_peer else ())


async def add_and_wait(config: Path, lab: LabServer, *words: str) -> Ran:
    places = ("--config", str(config), "--state", str(config.parent / "state"))
    given = ("fra1", str(lab.endpoint), str(lab.public_key), *words)
    return await run(*places, "add", *given, home=config.parent)


async def test_a_server_that_answers_turns_green_with_exit_code_0(config: Path) -> None:
    async with LabServer(lab_setup(config)) as lab:
        ran = await add_and_wait(config, lab)
    assert (ran.code, ran.err) == (0, "")
    assert "● up        fra1  healthy" in ran.out
    assert "Data is not tested" in ran.out
    assert "No wgmon-tui is running, so nobody checks from now on." in ran.out
    assert f"\nwgmon-tui --config {config} --state {config.parent / 'state'} run\n" in ran.out


@pytest.mark.thorough
async def test_a_server_that_answers_later_turns_green(config: Path) -> None:
    async with LabServer(lab_setup(config)) as lab:
        lab.set_mode(LabMode.SILENT)
        waiting = asyncio.create_task(add_and_wait(config, lab))
        await asyncio.wait({waiting}, timeout=3.0)
        assert not waiting.done()
        lab.set_mode(LabMode.HEALTHY)
        ran = await waiting
    assert ran.code == 0, ran


@pytest.mark.thorough
async def test_a_closed_port_ends_the_wait_early_with_the_cause_and_exit_code_2(config: Path) -> None:
    async with LabServer(lab_setup(config)) as lab:
        lab.set_mode(LabMode.CLOSED)
        async with asyncio.timeout(45):
            ran = await add_and_wait(config, lab, "--wait", "10m")
    assert ran.code == 2
    assert "port-closed" in ran.out
    assert "wg show" in ran.out


@pytest.mark.thorough
async def test_silence_for_the_whole_wait_names_the_likely_causes(config: Path) -> None:
    async with LabServer(lab_setup(config, has_peer=False)) as lab:
        ran = await add_and_wait(config, lab, "--wait", "1s")
    assert ran.code == 2
    assert "the server does not know this identity's public key" in ran.out


@contextmanager
def waiting_for_silence(*places: str) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """`add` while it waits for a server that does not answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(50)
        words = ("add", "fra1", f"127.0.0.1:{silent.getsockname()[1]}", str(SERVER_KEY))
        with subprocess.Popen(
            [sys.executable, "-m", "wgmon_tui", *places, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            yield process, silent


def test_an_interrupted_wait_leaves_the_server_and_says_so(config: Path, tmp_path: Path) -> None:
    places = ("--config", str(config), "--state", str(tmp_path / "state"))
    with waiting_for_silence(*places) as (process, silent):
        silent.recv(1500)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=50)
    assert process.returncode == -signal.SIGINT
    assert [each.name for each in read(config).fleet.servers] == ["fra1"]
    assert err == (
        'wgmon-tui: stopped waiting; "fra1" stays in servers.toml. To check, type:\n\n'
        f"wgmon-tui {shlex.join(places)} probe fra1\n"
    )


@pytest.mark.thorough
def test_each_result_of_a_wait_is_said_at_once_and_again_when_it_is_stopped(
    config: Path, tmp_path: Path
) -> None:
    places = ("--config", str(config), "--state", str(tmp_path / "state"))
    with waiting_for_silence(*places) as (process, _):
        assert process.stderr
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=50)
    assert first.startswith("fra1: silent. No answer.")
    assert first.endswith(" Trying again for 5 min.\n")
    assert rest.startswith('wgmon-tui: stopped waiting; last result: silent; "fra1" stays in servers.toml.')


def test_keygen_says_where_its_files_are(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keygen", "--config", str(config), "here"]) == 0
    out = capsys.readouterr().out
    assert f'# Identity "here" is in {config}/servers.toml; its key: {config}/here.key' in out


# ssh

COMMAND = PeerCommand(SERVER_KEY)


@pytest.mark.parametrize("host", ["", "-oProxyCommand=x", "fra1 -x", "a\x1b[0m"])
def test_a_host_that_ssh_could_take_for_an_option_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="--ssh: expected a host"):
        ServerLogin.of(host, has_consent=True)


def test_ssh_uses_sudo_unless_it_logs_in_as_root() -> None:
    assert ServerLogin("fra1", True).command(COMMAND)[-2:] == ("fra1", f"sudo {COMMAND.line}")
    assert ServerLogin("root@fra1", True).command(COMMAND)[-2:] == ("root@fra1", COMMAND.line)


def test_ssh_ends_its_options_before_the_host() -> None:
    command = ServerLogin("fra1", True).command(COMMAND)
    assert command[command.index("fra1") - 1] == "--"


def test_a_profile_of_another_protocol_needs_no_identity(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = private(tmp_path / "fra1.ovpn", profile())
    assert add(config, path, "--no-wait") == 0
    out = capsys.readouterr().out
    assert 'fra1.ovpn: server "fra1" added (vpn.example.net:1194)' in out
    assert "identity" not in out
    assert "as root" not in out
    assert read(config).fleet.identities == ()


def test_the_json_of_another_protocol_names_it(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = private(tmp_path / "fra1.ovpn", profile())
    assert add(config, path, "--no-wait", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "server": "fra1",
        "endpoint": "vpn.example.net:1194",
        "protocol": "openvpn",
        "added": True,
        "files": {"servers_toml": str(config / "servers.toml")},
        "result": None,
    }
    assert add(config, path, "--no-wait", "--json") == 0
    assert not json.loads(capsys.readouterr().out)["added"]
