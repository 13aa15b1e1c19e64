"""Tests of child processes: clean environment, limited output, and no process left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from select import select

import pytest

from tests.alerts.sample_announcements import announcement
from tests.alive_pipe import TIME_LIMITS_S, AlivePipe
from tests.config.sample_fleets import OWN_KEY
from tests.parameters import default_run
from wgmon_tui import child_processes
from wgmon_tui.alerts.models import RetryError
from wgmon_tui.alerts.sinks.command import send
from wgmon_tui.child_processes import OutputLimitError, ProgramTimeoutError, run
from wgmon_tui.config.alerting import Command, Sink
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, SecretForm, SecretSource
from wgmon_tui.config.secrets.keyring import open_keyring, read_private_key
from wgmon_tui.config.secrets.secret_variables import hide_secret_variables
from wgmon_tui.protocols.wireguard.server_view import run_command
from wgmon_tui.vantages.collector.ssh_process import AgentProcess

_GONE_WITHIN_S = 20.0
"""Less than the run time of the started programs."""

STARTS = "exec 3>alive; sleep 60 & sleep 60; true"
"""A shell and its child; both hold the pipe `alive` open while they run."""

INSPECTS = """
run_command(("sh", "-c", STARTS), Path())
"""

TELLS = """
send(Sink("sms", Command(("sh", "-c", STARTS)), timeout=60.0), announcement(), {})
"""

READS_A_KEY = """
read_private_key(Identity("bastion", SecretSource(SecretForm.COMMAND, ("sh", "-c", STARTS))), Path())
"""

PROGRAM = """
import sys
from pathlib import Path
from threading import Thread
from tests.alerts.sample_announcements import announcement
from wgmon_tui.alerts.sinks.command import send
from wgmon_tui.config.alerting import Command, Sink
from wgmon_tui.config.models import Identity, SecretForm, SecretSource
from wgmon_tui.config.secrets.keyring import read_private_key
from wgmon_tui.protocols.wireguard.server_view import run_command
STARTS = {starts!r}
def work():
    {call}
{run}
"""
IN_A_THREAD = "Thread(target=work, daemon=True).start()\nsys.stdin.read()"
INTERRUPTED = """
import signal
from wgmon_tui.shutdown import shutdown
with shutdown.installed():
    shutdown.begin_command({signal.SIGTERM: 143})
    work()
"""


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AlivePipe]:
    monkeypatch.chdir(tmp_path)
    pipe = AlivePipe(tmp_path)
    yield pipe
    pipe.close()


def started(tmp_path: Path, call: str, how: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(starts=STARTS, call=call.strip(), run=how)],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )


@pytest.mark.parametrize(
    "call", default_run([TELLS], [INSPECTS, TELLS, READS_A_KEY]), ids=["inspect", "command sink", "key"]
)
def test_what_a_command_has_started_ends_when_we_end_in_the_middle_of_it(tmp_path: Path, call: str) -> None:
    os.mkfifo(tmp_path / "alive")
    ours = started(tmp_path, call, IN_A_THREAD)
    with (tmp_path / "alive").open("rb") as alive:  # there is somebody who holds it
        ours.communicate(timeout=15)
        assert select([alive], [], [], _GONE_WITHIN_S)[0], "somebody still holds it"
        assert alive.read() == b""
    assert ours.returncode == 0


def test_a_signal_does_not_wait_for_a_command_that_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    ours = started(tmp_path, READS_A_KEY, INTERRUPTED)
    with (tmp_path / "alive").open("rb") as alive:
        began = time.monotonic()
        ours.terminate()
        ours.communicate(timeout=20)
        assert ours.returncode == 143
        assert time.monotonic() - began < 9
        assert select([alive], [], [], _GONE_WITHIN_S)[0], "somebody still holds it"
        assert alive.read() == b""


# Time and output


def test_a_program_beyond_its_time_is_killed_with_all_that_it_started(watched: AlivePipe) -> None:
    for timeout_s in TIME_LIMITS_S:
        with pytest.raises(ProgramTimeoutError):
            run(("sh", "-c", STARTS), timeout_s=timeout_s)
        if watched.has_been_held():
            break
    assert watched.is_everybody_gone()


@pytest.mark.parametrize(
    "leaves",
    ["sleep 60 &", "set -m; sleep 60 &", "(sleep 60 & sleep 60 &) &", "nohup sleep 60 >/dev/null &"],
    ids=["child", "job of its own group", "grandchildren", "nohup"],
)
def test_what_a_program_leaves_in_the_background_ends_with_it(watched: AlivePipe, leaves: str) -> None:
    ended = run(("bash", "-c", f"exec 3>alive; {leaves}\necho done"), timeout_s=30, max_bytes=100)
    assert (ended.code, ended.output) == (0, b"done\n")
    assert watched.is_everybody_gone()


def test_a_program_whose_end_takes_long_is_awaited_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child_processes, "_KILL_WAIT_S", 0.0)
    process = child_processes.start(("sleep", "60"))
    # Nobody may kill it but this thread, once `end` has returned.
    with monkeypatch.context() as context:
        context.setattr(child_processes, "kill_session", lambda _: None)
        child_processes.end(process)
    child_processes.kill_session(process.pid)
    deadline = time.monotonic() + _GONE_WITHIN_S
    while process.returncode is None:
        assert time.monotonic() < deadline, "nobody awaits it"
        time.sleep(0.01)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("flood", ["cat /dev/zero", "cat /dev/zero & wait"])
def test_a_program_that_floods_its_output_is_killed_at_the_limit(watched: AlivePipe, flood: str) -> None:
    with pytest.raises(OutputLimitError):
        run(("sh", "-c", f"exec 3>alive; {flood}"), timeout_s=30, max_bytes=1 << 16)
    assert watched.is_everybody_gone()


def test_only_the_end_of_stderr_is_kept(watched: AlivePipe) -> None:
    ended = run(("sh", "-c", "head -c 3000000 /dev/zero >&2; echo end >&2"), timeout_s=30, keep_stderr=True)
    assert len(ended.stderr_tail) == child_processes.STDERR_TAIL_BYTES
    assert ended.stderr_tail.endswith(b"\0end\n")


def test_a_flood_on_stderr_does_not_extend_the_time(watched: AlivePipe) -> None:
    for timeout_s in TIME_LIMITS_S:
        with pytest.raises(ProgramTimeoutError):
            run(("sh", "-c", "exec 3>alive; cat /dev/zero >&2"), timeout_s=timeout_s, keep_stderr=True)
        if watched.has_been_held():
            break
    assert watched.is_everybody_gone()


def test_input_and_output_larger_than_a_pipe_pass_at_the_same_time() -> None:
    sent = b"x" * 3_000_000
    assert run(("cat",), timeout_s=30, stdin=sent, max_bytes=len(sent)).output == sent


def test_a_program_may_end_without_reading_its_input() -> None:
    assert run(("true",), timeout_s=30, stdin=b"x" * 3_000_000).code == 0


@pytest.mark.parametrize("flood", ["cat /dev/zero", "yes"])
def test_a_key_command_that_floods_is_one_line(tmp_path: Path, flood: str) -> None:
    flooding = Identity("bastion", SecretSource(SecretForm.COMMAND, ("sh", "-c", flood)))
    with pytest.raises(ConfigurationError, match='"sh" printed more than 64 KiB; expected one line'):
        read_private_key(flooding, tmp_path)


def test_what_a_sink_leaves_in_the_background_may_finish_within_its_time(watched: AlivePipe) -> None:
    leaves = Command(("sh", "-c", "exec 3>alive; sleep 60 &"))
    for timeout_s in TIME_LIMITS_S:
        with suppress(RetryError):  # the shell itself did not end in time
            send(Sink("sms", leaves, timeout=timeout_s), announcement(), {})
            if watched.is_somebody_there():
                break
    else:
        pytest.fail("nothing runs in the background")
    assert watched.is_everybody_gone()


# Environment

PRINTS_ENVIRONMENT = ("sh", "-c", "env >env")
HIDDEN = ("WG_KEY", "WG_PSK", "PAGER_URL", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET")


@pytest.fixture
def secret_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that names three variables, in a process that has more."""
    for name in (*HIDDEN, "HARMLESS"):
        monkeypatch.setenv(name, OWN_KEY.to_text())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "servers.toml").write_text(
        '[[identity]]\nname = "a"\nprivate_key_env = "WG_KEY"\n[[server]]\npreshared_key_env="WG_PSK"\n'
    )
    (tmp_path / "config.toml").write_text("[[sink]]\n'url_env' = 'PAGER_URL'\nnonsense")
    hide_secret_variables(tmp_path)
    return tmp_path


def assert_is_clean(directory: Path) -> None:
    found = {line.partition("=")[0] for line in (directory / "env").read_text().splitlines()}
    assert "HARMLESS" in found
    assert found.isdisjoint(HIDDEN)
    assert OWN_KEY.to_text() == os.environ["WG_KEY"], "this process still has its secrets"


def test_inspect_commands_get_no_secrets(secret_environment: Path) -> None:
    run_command((*PRINTS_ENVIRONMENT[:2], "env >env; echo"), secret_environment)
    assert_is_clean(secret_environment)


def test_key_commands_get_no_secrets(secret_environment: Path) -> None:
    secret = SecretSource(SecretForm.COMMAND, PRINTS_ENVIRONMENT)
    open_keyring(Fleet(identities=(Identity("bastion", secret),)), secret_environment)
    assert_is_clean(secret_environment)


def test_a_variable_is_hidden_as_soon_as_it_is_read_as_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WG_LATE_KEY", OWN_KEY.to_text())
    secret = SecretSource(SecretForm.ENV, "WG_LATE_KEY")
    read_private_key(Identity("bastion", secret), tmp_path)
    printed = run(("env",), timeout_s=20, max_bytes=1 << 20).output
    assert b"WG_LATE_KEY" not in printed


def test_sink_commands_get_no_secrets(secret_environment: Path) -> None:
    send(Sink("sms", Command(PRINTS_ENVIRONMENT), timeout=20), announcement(), {})
    assert_is_clean(secret_environment)


async def test_the_command_of_a_vantage_gets_no_secrets(secret_environment: Path) -> None:
    process = await AgentProcess.start((*PRINTS_ENVIRONMENT[:2], "env >env; echo done"))
    assert await process.read_line() == b"done\n"
    await process.stop()
    assert_is_clean(secret_environment)


async def test_a_child_of_a_vantages_command_that_ignores_sigterm_is_killed(watched: AlivePipe) -> None:
    stubborn = "exec 3>alive; (trap '' TERM; exec sleep 60 >/dev/null 2>&1) & echo up; wait"
    process = await AgentProcess.start(("sh", "-c", stubborn))
    assert await process.read_line() == b"up\n"
    await process.stop()
    assert watched.is_everybody_gone()


def test_every_module_starts_programs_through_this_one() -> None:
    """A module that starts a program by itself names the clean environment."""
    package = Path(child_processes.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text()
        starts = text.count("subprocess.run(") + text.count("Popen(") + text.count("create_subprocess_exec(")
        starts += text.count("os.exec") + text.count("os.system(") + text.count("posix_spawn")
        if starts and path.name not in ("child_processes.py", "stdio_bridge.py"):
            assert text.count("env=child_environment()") == starts, path
