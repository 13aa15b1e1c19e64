"""The end of a process by signals, as child processes show it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

_START = """\
import asyncio, os, signal, sys, time
from wgmon_tui.shutdown import shutdown
def send(number=signal.SIGTERM):
    os.kill(os.getpid(), number)
def say(text):
    os.write(1, f"{text} ".encode())
with shutdown.installed():
"""


def ran(*lines: str) -> tuple[int, str]:
    """Run lines in a process that handles signals: its code, and what it said."""
    code = _START + "".join(f"    {line}\n" for line in lines)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def test_a_signal_before_the_command_is_known_takes_effect_when_it_is() -> None:
    assert ran("send()", "say('known')", "shutdown.begin_command()", "say('later')") == (-15, "known")


def test_a_second_signal_ends_a_start_that_takes_long() -> None:
    assert ran("send()", "time.sleep(1.1)", "send()", "say('later')") == (-15, "")


def test_a_signal_of_which_the_command_has_an_exit_code_ends_with_it() -> None:
    assert ran("shutdown.begin_command({signal.SIGTERM: 0})", "send()", "say('later')") == (0, "")


@pytest.mark.thorough
def test_a_reload_signal_before_the_command_hides_no_stop_signal() -> None:
    begin = "shutdown.begin_command({}, (signal.SIGHUP,))"
    assert ran("send(signal.SIGHUP)", begin, "say('on')") == (0, "on")
    assert ran("send(signal.SIGHUP)", "send()", begin, "say('on')") == (-15, "")


def test_what_is_unfinished_is_undone() -> None:
    with_undo = "with shutdown.undone_if_killed(lambda: say('undone')): "
    assert ran("shutdown.begin_command()", with_undo + "send()") == (-15, "undone")
    assert ran("shutdown.begin_command()", with_undo + "pass", "send()") == (-15, "")


def test_a_signal_waits_for_the_end_of_a_deferring_block() -> None:
    block = "with shutdown.deferred(): send(); say('finished')"
    assert ran("shutdown.begin_command()", block, "say('later')") == (-15, "finished")


_MAIN = (
    "shutdown.begin_command()",
    "async def main():",
    "    try: send(); await asyncio.sleep(9)",
    "    finally: say('cleaned')",
)


def test_a_signal_cancels_the_event_loop_before_the_process_dies() -> None:
    stop = ("try: shutdown.run(main())", "except BaseException as error: say(type(error).__name__)")
    assert ran(*_MAIN, *stop, "shutdown.end()") == (-15, "cleaned StoppedBySignalError")


def test_a_second_signal_ends_what_does_not_end() -> None:
    stuck = (
        "shutdown.begin_command()",
        "async def main():",
        "    shutdown.stop_with(lambda: None)",
        "    send(); await asyncio.sleep(1.1); send(); await asyncio.sleep(9)",
    )
    assert ran(*stuck, "shutdown.run(main())") == (-15, "")


@pytest.mark.thorough
def test_a_signal_that_arrives_twice_at_once_ends_in_order() -> None:
    stop = ("try: shutdown.run(main())", "except BaseException: say('ended')")
    twice = tuple(line.replace("send();", "send(); send();") for line in _MAIN)
    assert ran(*twice, *stop) == (0, "cleaned ended")


def test_a_command_that_does_not_end_is_ended_after_its_time() -> None:
    stuck = (
        "shutdown.begin_command(timeout_s=0.2)",
        "async def main():",
        "    with shutdown.undone_if_killed(lambda: say('undone')):",
        "        shutdown.stop_with(lambda: None); send(); time.sleep(9)",
    )
    assert ran(*stuck, "shutdown.run(main())") == (-15, "undone")


@pytest.mark.thorough
def test_a_fault_that_does_not_end_the_loop_is_reported_after_a_time() -> None:
    stuck = (
        "shutdown.begin_command(timeout_s=0.2)",
        "shutdown.report_fault = lambda fault: say(repr(fault))",
        "async def main():",
        "    shutdown.stop_with(lambda: None); shutdown.fail(KeyError(1)); time.sleep(9)",
    )
    assert ran(*stuck, "shutdown.run(main())") == (70, "KeyError(1)")


def test_a_fault_in_a_task_that_nobody_awaits_stops_the_main_task() -> None:
    main = (
        "shutdown.begin_command()",
        "async def fail(): raise KeyError(1)",
        "async def main():",
        "    asyncio.create_task(fail()); await asyncio.sleep(9)",
        "try: shutdown.run(main())",
        "except KeyError: say('raised')",
    )
    assert ran(*main) == (0, "raised")


@pytest.mark.parametrize("ignored", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_was_ignored_at_the_start_stays_ignored(ignored: signal.Signals) -> None:
    code = _START.replace("with shutdown", f"signal.signal({ignored}, signal.SIG_IGN)\nwith shutdown")
    code += f"    shutdown.begin_command(); send({ignored}); say('on')\n"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout) == (0, "on ")


def test_without_it_signals_are_left_to_the_program_that_uses_the_library() -> None:
    code = "from signal import *; import wgmon_tui.api; print(getsignal(SIGTERM) is SIG_DFL)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "True\n"


@pytest.mark.parametrize(
    "main_thread",
    [
        "thread.join()",
        # Native code that takes minutes, in which no signal handler runs.
        "module._MAIN_THREAD_S = 0.1; hashlib.pbkdf2_hmac('sha256', b'a', b'b', 10**9)",
    ],
    ids=["free", "in native code"],
)
def test_a_signal_that_a_thread_has_deferred_kills_the_process_like_any_other(main_thread: str) -> None:
    code = (
        "import hashlib, os, signal, threading\n"
        "from wgmon_tui import shutdown as module\n"
        "shutdown = module.shutdown\n"
        "def work():\n"
        "    with shutdown.deferred():\n"
        "        os.kill(os.getpid(), signal.SIGUSR1)\n"
        "        received.wait(30)\n"
        "received = threading.Event()\n"
        "with shutdown.installed():\n"
        "    shutdown.begin_command()\n"
        "    thread = threading.Thread(target=work)\n"
        "    thread.start()\n"
        "    while shutdown.stop_signal is None: pass\n"
        "    received.set()\n"
        f"    {main_thread}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=30, check=False)
    assert done.returncode == -signal.SIGUSR1


_STARVED = """\
import os, signal, threading, time
from wgmon_tui import shutdown as module
shutdown = module.shutdown
first, second = sorted(os.sched_getaffinity(0))[:2]
def work():
    os.sched_setaffinity(threading.get_native_id(), {second})
    with shutdown.deferred():
        os.kill(os.getpid(), signal.SIGUSR1)
        received.wait(30)
        os.sched_setaffinity(os.getpid(), {first})
        os.sched_setscheduler(os.getpid(), os.SCHED_IDLE, os.sched_param(0))
        time.sleep(0.02)
received = threading.Event()
with shutdown.installed():
    shutdown.begin_command()
    module._MAIN_THREAD_S = 0.01
    thread = threading.Thread(target=work)
    thread.start()
    while shutdown.stop_signal is None: pass
    received.set()
    thread.join()
"""


@pytest.mark.thorough
@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="needs the scheduler of Linux")
def test_a_thread_ends_the_process_though_the_main_thread_gets_no_processor() -> None:
    """The signal to the main thread is then pending, and another one to the process would be lost."""
    affinity = getattr(os, "sched_getaffinity")  # noqa: B009  only Linux has it
    first, *others = sorted(affinity(0))
    if not others:
        pytest.skip("needs two processors")
    hog = [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{{first}}})\nwhile True: pass"]
    with subprocess.Popen(hog) as busy:
        try:
            codes = {
                subprocess.run([sys.executable, "-c", _STARVED], timeout=60, check=False).returncode
                for _ in range(20)
            }
        finally:
            busy.kill()
    assert codes == {-signal.SIGUSR1}
