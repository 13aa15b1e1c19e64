"""What `probe` prints: how much, in which order, in which colours."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import socket
import termios
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.forked_program import run_program
from tests.parameters import default_rows
from tests.test_cli import CLIENT, SETUP, Ran, run
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.lab.ikev2.responder import LabIkeSetup
from wgmon_tui.lab.ikev2.server import LabIkeServer
from wgmon_tui.lab.server import LabServer

pytestmark = pytest.mark.repeated_if_starved  # the servers are in this process, and 0.5 s is slow

_ALTERS_THE_RUN = ("COLUMNS", "LINES", "NO_COLOR", "TMUX")
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    """A home directory whose servers are one that is silent, and then one that answers, however late."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        async with LabServer(SETUP) as lab:
            file = tmp_path / ".config" / "wgmon-tui" / "servers.toml"
            file.parent.mkdir(parents=True)
            file.touch(0o600)
            file.write_text(
                f'[defaults]\nidentity = "here"\ntimeout = "500ms"\n[[identity]]\nname = "here"\n'
                f'private_key = "{CLIENT.to_text()}"\naddresses = ["10.8.0.2/32"]\n'
                f'[[server]]\nname = "mute"\nendpoint = "127.0.0.1:{silent.getsockname()[1]}"\n'
                f'public_key = "{PrivateKey.generate().public}"\n'
                f'[[server]]\nname = "fra1"\nendpoint = "{lab.endpoint}"\n'
                f'public_key = "{lab.public_key}"\ntimeout = "10s"\n'
            )
            yield tmp_path


async def probe(home: Path, *words: str, **environment: str) -> Ran:
    return await run("probe", "--quick", *words, home=home, **environment)


async def on_terminal(home: Path, columns: int, *words: str, **environment: str) -> list[str]:
    """Return the lines that `probe` writes to a terminal: standard output, not the live line."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, columns))
    environment = {
        **{name: value for name, value in os.environ.items() if name not in _ALTERS_THE_RUN},
        "HOME": str(home),
        "XDG_CONFIG_HOME": "",
        "XDG_STATE_HOME": "",
        "TERM": "xterm-256color",
        "PYTHONIOENCODING": "utf-8",
        **environment,
    }
    given = ("probe", "--quick", *words)
    program = partial(run_program, *given, environment=environment, stdin=slave, stdout=slave)
    running = asyncio.create_task(asyncio.to_thread(program))
    running.add_done_callback(lambda _: os.close(slave))
    written = await asyncio.to_thread(_read_all, master)
    await running
    os.close(master)
    return written.decode().split("\r\n")


def _read_all(master: int) -> bytes:
    written = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # Linux, once the program has ended
            return written
        if not chunk:
            return written
        written += chunk


def names(ran: Ran) -> list[str]:
    return [line.split()[2] for line in ran.out.splitlines() if line[0] in "●✖"]


async def test_a_result_is_printed_when_it_arrives(home: Path) -> None:
    file = home / ".config" / "wgmon-tui" / "servers.toml"
    file.write_text(file.read_text().replace("500ms", "4s"))
    ran = await probe(home, "--brief")
    assert names(ran) == ["fra1", "mute"]


async def test_json_has_the_order_of_the_file(home: Path) -> None:
    ran = await probe(home, "--json")
    assert [json.loads(line)["server"] for line in ran.out.splitlines()] == ["mute", "fra1"]


async def test_brief_is_one_line_for_each_server_and_nothing_else(home: Path) -> None:
    ran = await probe(home, "--brief")
    assert (ran.code, ran.err, len(ran.out.splitlines())) == (2, "", 2)


async def test_quiet_prints_only_servers_that_are_not_up(home: Path) -> None:
    ran = await probe(home, "-q")
    assert (ran.code, ran.err) == (2, "")
    assert "mute" in ran.out
    assert "on the server:\n" in ran.out
    assert "fra1" not in ran.out
    assert "soak" not in ran.out
    healthy = await probe(home, "-q", "fra1")
    assert (healthy.code, healthy.out, healthy.err) == (0, "", "")


@pytest.mark.thorough
async def test_quiet_twice_prints_nothing_and_the_exit_code_tells(home: Path) -> None:
    ran = await probe(home, "-qq")
    assert (ran.code, ran.out, ran.err) == (2, "", "")


@pytest.mark.thorough
async def test_quiet_leaves_objects_out_of_json(home: Path) -> None:
    ran = await probe(home, "-q", "--json")
    assert [json.loads(line)["server"] for line in ran.out.splitlines()] == ["mute"]


async def test_verbose_shows_the_stages_and_packets_of_a_server_that_is_up(home: Path) -> None:
    ran = await probe(home, "-v", "fra1")
    assert re.search(r"^    handshake +\d", ran.out, re.MULTILINE)
    assert re.search(
        r"^    packets +sent +\+0.000 ms  handshake initiation, 148 bytes$", ran.out, re.MULTILINE
    )


async def test_the_causes_of_several_servers_stand_below_all_results(home: Path) -> None:
    file = home / ".config" / "wgmon-tui" / "servers.toml"
    blocks = file.read_text().split("[[server]]")
    file.write_text("[[server]]".join([*blocks, blocks[1].replace("mute", "mute2")]))
    ran = await probe(home)
    assert ran.out.count("a firewall drops the packets or the answers") == 1
    assert re.search(r"^Causes for mute2? and mute2? \(silent\):$", ran.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "said"),
    default_rows(
        (0, 4),
        [
            (("--brief", "--json"), "--brief changes only the table"),
            (("-v", "--json"), "--verbose changes only the table"),
            (("-v", "--format", "checkmk"), "--verbose changes only the table"),
            (("-q", "--format", "nagios"), "--quiet would leave out what nagios must read"),
            (("--brief", "-v"), "not allowed with"),
            (("--color", "sometimes"), 'there is no "sometimes"; expected one of auto, always, never'),
        ],
    ),
)
async def test_options_that_do_not_fit_together_are_bad_usage(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    ran = await run("probe", *words, home=tmp_path)
    assert (ran.code, ran.out) == (64, "")
    assert said in ran.err


@pytest.mark.parametrize(
    ("words", "environment", "is_coloured"),
    default_rows(
        (0, 3),
        [
            ((), {}, False),
            ((), {"FORCE_COLOR": "1"}, True),
            ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
            (("--color=always",), {"NO_COLOR": "1"}, True),
            (("--color=never",), {"FORCE_COLOR": "1"}, False),
        ],
    ),
)
async def test_colours_in_a_pipe_need_a_request(
    home: Path, words: tuple[str, ...], environment: dict[str, str], is_coloured: bool
) -> None:
    ran = await probe(home, "fra1", *words, **environment)
    assert bool(_COLOUR.search(ran.out)) == is_coloured


@pytest.mark.parametrize(
    ("environment", "is_coloured"),
    default_rows((0,), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]),
)
async def test_colours_on_a_terminal_are_usual(
    home: Path, environment: dict[str, str], is_coloured: bool
) -> None:
    lines = await on_terminal(home, 80, "fra1", **environment)
    assert bool(_COLOUR.search("".join(lines))) == is_coloured


async def test_on_a_terminal_lines_are_wrapped_and_keys_and_commands_stay_whole(home: Path) -> None:
    lines = [_COLOUR.sub("", line) for line in await on_terminal(home, 60, "mute")]
    command = f"wg set wg0 peer {CLIENT.public} remove"
    assert f"         {command}" in lines
    assert [line for line in lines if command not in line and len(line) > 60] == []


async def test_in_a_pipe_a_command_stands_alone_on_its_line(home: Path) -> None:
    lines = (await probe(home, "mute", COLUMNS="40")).out.splitlines()
    place = lines.index("       → on the server:")
    assert lines[place + 1 : place + 3] == [
        "         wg show wg0 peers",
        f"         must list {CLIENT.public}",
    ]


async def test_an_ike_server_is_asked_without_credentials_and_without_servers_toml(tmp_path: Path) -> None:
    async with LabIkeServer(LabIkeSetup("gw.example.net", b"secret")) as lab:
        ran = await run("probe", "--ike", str(lab.endpoint), "--json", home=tmp_path)
    found = json.loads(ran.out)
    stages = {each["stage"]: each for each in found["stages"]}
    assert stages["sa-init"]["outcome"] == "passed"
    assert stages["sa-init"]["detail"] == "aes256gcm16-prfsha384-curve25519"
    assert (found["verdict"], ran.code) == ("unproven", 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--ike", "gw.example.net", "fra1"),
            "--ike checks one host, without servers.toml; remove the names",
        ),
        (("--ike", "gw.example.net:0"), "--ike: expected a port from 1 to 65535"),
        (("--ike", "a b"), "--ike: expected a host name"),
        (("--ike", "https://gw.example.net/"), 'without "https://"; type "gw.example.net:500"'),
        (("--ike", "gw.example.net:ike"), 'such as "fra1.example.net:500"'),
    ],
)
async def test_an_ike_host_that_cannot_be_asked_is_bad_usage(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    ran = await run("probe", *words, home=tmp_path)
    assert ran.code == 64
    assert message in ran.err
