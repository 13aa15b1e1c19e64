"""Commands that root runs beside a service: no file changes its owner, and the right command is printed."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pwd import getpwnam
from tempfile import TemporaryDirectory

import pytest

from tests.daemon.harness import quick_server, running, until, write_config
from tests.forked_program import run_program
from tests.parameters import default_run
from tests.test_cli import Ran
from wgmon_tui.config.ownership import command_as, owner_advice
from wgmon_tui.config.secrets.private_files import create_private

SERVICE = "nobody"

WG_QUICK = """[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
Endpoint = 127.0.0.1:9
"""

SINK = """
[[sink]]
name = "pager"
type = "webhook"
url_file = "pager.url"
"""

WRITING = (
    ("probe", "--quick"),
    ("run",),
    ("import", "new.conf"),
    ("keygen", "laptop"),
    ("export", "exchange", "ams1", "--format", "pcapng", "--with-keys", "--yes-show-keys"),
    ("export", "checks", "--output", "STATE/export.json"),
)
READING = (
    (),
    ("doctor",),
    ("alert", "test", "pager"),
    ("alert", "log"),
    ("export", "checks"),
    ("export", "targets"),
    ("inspect", "ams1"),
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root beside another account")


class Service:
    """Directories of a service, as the system-wide unit and its account create them."""

    def __init__(self, directory: Path) -> None:
        self.config, self.state = directory / "config", directory / "state"
        write_config(self.config, quick_server("ams1"))
        (self.config / "config.toml").write_text(SINK)
        create_private(self.config / "pager.url", "http://127.0.0.1:9/")
        (directory / "new.conf").write_text(WG_QUICK)
        self._directory = directory
        self.state.mkdir()
        owner = getpwnam(SERVICE)
        for each in (self.config, *self.config.iterdir(), self.state):
            os.chown(each, owner.pw_uid, owner.pw_gid)
        self.config.chmod(0o750)
        self.state.chmod(0o2750)

    def run_as_root(self, *words: str) -> Ran:
        given = [word.replace("STATE", str(self.state)) for word in words]
        places = ("--config", self.config, "--state", self.state)
        ran = run_program(*places, *given, directory=self._directory)
        return Ran(ran.code, ran.out.decode(), ran.err.decode())

    def owners(self) -> dict[Path, tuple[int, int]]:
        return {
            path: (path.lstat().st_uid, path.lstat().st_gid)
            for top in (self.config, self.state)
            for path in (top, *top.rglob("*"))
        }

    def assert_untouched_by(self, *words: str) -> Ran:
        """Run a command as root, and check that it leaves all files to the service."""
        before = self.owners()
        ran = self.run_as_root(*words)
        after = self.owners()
        assert {uid for uid, _ in after.values()} == {getpwnam(SERVICE).pw_uid}, words
        assert {path: after[path] for path in before if path in after} == before, words
        assert f"sudo -u {SERVICE} " in ran.out + ran.err, (words, ran)
        assert " ".join(map(shlex.quote, words)).replace("STATE", str(self.state)) in ran.out + ran.err
        assert "chown" not in ran.out + ran.err, words
        assert "Traceback" not in ran.err, ran.err
        return ran


@contextmanager
def installed() -> Iterator[Service]:
    # Not pytest's own directory: that one is for root alone.
    with TemporaryDirectory(prefix="wgmon-tui-test-") as path:
        Path(path).chmod(0o755)
        yield Service(Path(path))


@pytest.mark.parametrize("words", default_run([("run",), ("keygen", "laptop")], WRITING), ids=" ".join)
def test_a_command_that_would_write_is_refused_with_the_command_to_type(words: tuple[str, ...]) -> None:
    with installed() as service:
        ran = service.assert_untouched_by(*words)
        assert ran.code == 64


def test_a_directory_that_is_missing_is_not_made_inside_of_the_services() -> None:
    with installed() as service:
        service.state = service.state / "new"
        service.state.parent.chmod(0o755)
        ran = service.run_as_root("probe", "--quick")
        assert (ran.code, service.state.exists()) == (64, False)
        assert f"sudo -u {SERVICE} " in ran.err


@pytest.mark.parametrize(
    "words",
    default_run([("doctor",)], [(), ("doctor",), ("alert", "test", "pager"), ("export", "targets")]),
    ids=" ".join,
)
def test_a_command_that_reads_names_the_command_to_type(words: tuple[str, ...]) -> None:
    with installed() as service:
        service.assert_untouched_by(*words)


@pytest.mark.thorough
async def test_beside_a_running_service_root_reads_and_leaves_every_file_to_it() -> None:
    with installed() as service:
        with running(service.config, service.state, user=SERVICE) as program:
            program.line_with("ams1: down")
            await until(lambda: (service.state / "control.sock").exists())
            for words in (*READING, *WRITING):
                service.assert_untouched_by(*words)
        for words in (*READING, *WRITING):
            service.assert_untouched_by(*words)


def test_root_replaces_an_export_of_another_user_and_leaves_it_to_its_owner(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    output = tmp_path / "targets.json"
    output.touch()
    os.chown(output, 12345, 12345)
    places = ("--config", tmp_path / "config", "--state", tmp_path / "state")
    ran = run_program(*places, "export", "targets", "--output", output)
    assert (ran.code, ran.err) == (0, b"")
    assert output.read_text().startswith("[")
    assert (output.stat().st_uid, output.stat().st_gid) == (12345, 12345)


def test_the_command_names_directories_that_only_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/srv/wgmon/config")
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/wgmon/state")
    monkeypatch.setattr(sys, "argv", ["wgmon-tui", "--state", "/elsewhere", "probe", "a b"])
    assert command_as(getpwnam(SERVICE).pw_uid) == (
        f"sudo -u {SERVICE} wgmon-tui --config /srv/wgmon/config/wgmon-tui --state /elsewhere probe 'a b'"
    )


def test_root_is_never_told_to_take_a_file_from_its_owner(tmp_path: Path) -> None:
    assert owner_advice(tmp_path / "bastion.key", 12345).startswith("type: sudo -u '#12345' ")
