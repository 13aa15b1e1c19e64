"""`wgmon-tui doctor` and `wgmon-tui inspect`, run as from a shell."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.config.sample_fleets import MINIMAL_TOML, OWN_KEY, SERVER_KEY
from tests.forked_program import run_program
from tests.parameters import default_run
from tests.real.prerequisites import require
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.net.platforms import MACOS, PLATFORM

SECRET = PrivateKey(b"\x02" * 32)
PSK = PresharedKey(b"\x06" * 32)

DUMP = (
    f"{SECRET.to_text()}\t{SERVER_KEY}\t51820\toff\n"
    f"{OWN_KEY.public}\t(none)\t192.0.2.9:40000\t10.8.0.250/32\t1700000000\t1\t1\toff\n"
)
CONFIGURED = MINIMAL_TOML.replace('"bastion.key"\n', '"bastion.key"\naddresses = ["10.8.0.250/32"]\n')


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    home: Path

    def run(self, *words: str, **environment: str) -> Ran:
        child = run_program(
            *words,
            environment={
                **os.environ,
                "HOME": str(self.home),
                "XDG_CONFIG_HOME": "",
                "XDG_STATE_HOME": "",
                "PYTHONIOENCODING": "utf-8",
                **environment,
            },
            is_strict=True,
        )
        ran = Ran(child.code, child.out.decode(), child.err.decode())
        assert "Traceback" not in ran.err
        return ran

    @property
    def config(self) -> Path:
        kept_in = "Library/Application Support" if PLATFORM is MACOS else ".config"
        return self.home / kept_in / "wgmon-tui"

    def configure(self, servers_toml: str) -> None:
        self.config.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in (("servers.toml", servers_toml), ("bastion.key", OWN_KEY.to_text())):
            (self.config / name).write_text(text)
            (self.config / name).chmod(0o600)

    def inspectable(self, dump: str = DUMP, file: str | None = None) -> None:
        """Configure a server whose inspect commands print these texts."""
        stored = 'inspect_config = ["cat", "wg0.conf"]\n' if file is not None else ""
        self.configure(CONFIGURED + 'inspect = ["cat", "wg0.dump"]\n' + stored)
        (self.config / "wg0.dump").write_text(dump)
        (self.config / "wg0.conf").write_text(file or "")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


# doctor


def test_the_doctor_tells_the_worst_in_its_exit_code_and_what_to_type(shell: Shell) -> None:
    shell.configure(MINIMAL_TOML)
    (shell.config / "bastion.key").chmod(0o644)
    ran = shell.run("doctor")
    assert (ran.code, ran.err) == (2, "")
    [line] = [line for line in ran.out.splitlines() if "secrets" in line]
    assert line.startswith("✖ fix ")
    assert f"chmod 600 {shlex.quote(str(shell.config / 'bastion.key'))}" in line


def test_every_line_of_the_doctor_has_a_glyph_and_a_word(shell: Shell) -> None:
    shell.configure(MINIMAL_TOML)
    lines = shell.run("doctor").out.splitlines()
    assert len(lines) > 10
    assert {line[:6] for line in lines} <= {"● fine", "▲ look", "✖ fix "}


def test_the_doctor_speaks_ascii_when_told_to_and_where_the_output_has_nothing_else(shell: Shell) -> None:
    shell.configure(MINIMAL_TOML)
    for ran in (shell.run("doctor", "--ascii"), shell.run("doctor", PYTHONIOENCODING="ascii")):
        assert ran.out.isascii()
        assert {line[:6] for line in ran.out.splitlines()} <= {"o fine", "^ look", "X fix "}


def test_the_doctor_prints_json_lines_without_any_secret(shell: Shell) -> None:
    shell.configure(MINIMAL_TOML)
    ran = shell.run("doctor", "--json")
    items = [json.loads(line) for line in ran.out.splitlines()]
    assert {tuple(item) for item in items} == {("item", "condition", "fact", "advice")}
    assert {"software", "servers.toml", "secrets", "state", "clock"} <= {item["item"] for item in items}
    assert OWN_KEY.to_text() not in ran.out


def test_the_doctor_goes_on_where_the_configuration_cannot_be_read(shell: Shell) -> None:
    shell.configure("[[server]\n")
    ran = shell.run("doctor")
    assert ran.code == 2
    assert "✖ fix   servers.toml" in ran.out
    assert "clock" in ran.out


def test_what_an_invalid_servers_toml_hides_is_not_called_fine(shell: Shell) -> None:
    shell.configure("[[server]\n")
    out = shell.run("doctor").out
    assert "▲ look  secrets           not examined: servers.toml is invalid" in out
    assert "private keys: 0" not in out
    assert "needed at most" not in out


@pytest.mark.thorough
def test_the_locale_c_gets_ascii_in_a_pipe(shell: Shell) -> None:
    shell.configure(MINIMAL_TOML)
    assert shell.run("doctor", LC_ALL="C", PYTHONIOENCODING="").out.isascii()


def test_the_doctor_leaves_nothing_behind(shell: Shell) -> None:
    shell.configure(MINIMAL_TOML)
    before = sorted(shell.home.rglob("*"))
    shell.run("doctor")
    assert sorted(shell.home.rglob("*")) == before


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[str]:
    """A separate tmux server; returns the value of $TMUX in it."""
    require("tmux")
    socket = tmp_path / "tmux"
    command = ["tmux", "-S", str(socket), "-f", "/dev/null"]
    subprocess.run([*command, "new-session", "-d", "sleep", "60"], check=True)
    yield f"{socket},0,0"
    subprocess.run([*command, "kill-server"], check=True)


@pytest.mark.thorough
def test_inside_of_tmux_the_doctor_says_whether_copies_pass(shell: Shell, tmux: str) -> None:
    shell.configure(MINIMAL_TOML)
    assert "tmux set -g set-clipboard on" in shell.run("doctor", TMUX=tmux).out
    subprocess.run(["tmux", "-S", tmux.split(",")[0], "set", "-g", "set-clipboard", "on"], check=True)
    assert "tmux passes OSC 52 on" in shell.run("doctor", TMUX=tmux).out


# inspect


def test_a_server_that_agrees_makes_the_exit_code_0(shell: Shell) -> None:
    shell.inspectable()
    ran = shell.run("inspect", "fra1")
    assert (ran.code, ran.err) == (0, "")
    assert {line.split("  ")[0] for line in ran.out.splitlines()} == {"● ok"}
    assert "10.8.0.250 belongs to this peer" in ran.out


def test_a_difference_makes_the_exit_code_2_and_says_what_to_type(shell: Shell) -> None:
    shell.inspectable(DUMP.replace("51820", "51999"))
    ran = shell.run("inspect", "fra1", "--ascii")
    assert ran.code == 2
    assert "X differs      listen port" in ran.out
    assert "    -> on the server: wg set wg0 listen-port 51820" in ran.out
    assert ran.out.isascii()


def test_the_running_interface_is_compared_with_its_file(shell: Shell) -> None:
    shell.inspectable(file="[Interface]\nListenPort = 51820\n")
    ran = shell.run("inspect", "fra1")
    assert ran.code == 2
    assert f"running, but not in the file: {OWN_KEY.public} (this identity)" in ran.out


@pytest.mark.parametrize(
    "dump",
    default_run(
        ["sudo: a password is required\n"],
        ["", "sudo: a password is required\n", "\x1b[2J\t\t\t", f"{SECRET.to_text()}\n"],
    ),
)
def test_a_server_that_would_not_say_makes_the_exit_code_3(shell: Shell, dump: str) -> None:
    shell.inspectable(dump)
    ran = shell.run("inspect", "fra1")
    assert (ran.code, ran.err) == (3, "")
    assert ran.out.startswith("? cannot tell  running ")
    assert SECRET.to_text() not in ran.out
    assert "\x1b" not in ran.out


def test_no_key_of_the_server_is_printed(shell: Shell) -> None:
    file = (
        f"[Interface]\nPrivateKey = {SECRET.to_text()}\n"
        f"[Peer]\nPublicKey = {OWN_KEY.public}\nPresharedKey = {PSK.to_text()}\n"
    )
    shell.inspectable(DUMP.replace("(none)", PSK.to_text(), 1), file)
    ran = shell.run("inspect", "fra1")
    assert ran.code == 2
    assert not any(secret.to_text() in ran.out + ran.err for secret in (SECRET, PSK, OWN_KEY))


def test_our_own_key_need_not_be_readable_to_compare_the_rest(shell: Shell) -> None:
    shell.inspectable()
    (shell.config / "bastion.key").unlink()
    ran = shell.run("inspect", "fra1")
    assert ran.code == 0
    assert "the private key of this identity cannot be read" in ran.out


def test_without_a_command_the_exit_code_is_64_and_one_line_shows_how_to_configure_it(shell: Shell) -> None:
    shell.configure(MINIMAL_TOML)
    ran = shell.run("inspect", "fra1")
    assert (ran.code, ran.out) == (64, "")
    assert ran.err == (
        'wgmon-tui: servers.toml: server "fra1": key inspect: missing; '
        'add inspect = ["ssh", "fra1.example.net", "sudo", "wg", "show", "wg0", "dump"]\n'
    )


def test_a_server_that_is_not_there_is_exit_code_64_with_the_nearest(shell: Shell) -> None:
    shell.configure(MINIMAL_TOML)
    ran = shell.run("inspect", "fra")
    assert (ran.code, 'did you mean "fra1"?' in ran.err) == (64, True)
