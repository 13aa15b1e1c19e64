"""How hypothesis and signals behave: no deadline, since a shared machine may stop any example for a while.

`make test` looks at ten examples of a property, `make thorough` at a hundred; CI runs both.
"""

import gc
import inspect
import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.busy_machine import run_again_if_starved
from tests.process_state import ProcessState, changes, process_state, restore_after_commands

# Each process of the run collects all tests, and hardly any of that is garbage.
gc.disable()

settings.register_profile("quick", deadline=None, max_examples=10)
settings.register_profile("thorough", deadline=None, max_examples=100)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


# Output depends on the user's terminal and umask. Tests that are about these set their own.
for _name in ("COLORTERM", "COLUMNS", "FORCE_COLOR", "LC_ALL", "LINES", "NO_COLOR", "STY", "TMUX"):
    os.environ.pop(_name, None)
os.environ["TERM"] = "xterm-256color"
os.umask(0o022)


# A shell starts jobs in the background with these ignored, and the programs of the tests would inherit that.
for _number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


@given(st.none())
def start_hypothesis(_: None) -> None:
    """Let hypothesis find its random generator: it warns of one to which only frozen objects refer."""


_STATE = pytest.StashKey[ProcessState]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember what the first test of this process finds."""
    if _STATE not in item.session.stash:
        item.session.stash[_STATE] = process_state()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Fail the test that leaves this process changed, not one that comes after it."""
    yield
    restore_after_commands()
    after = process_state()
    changed = changes(item.session.stash[_STATE], after)
    item.session.stash[_STATE] = after
    if changed:
        pytest.fail("the test leaves this process changed: " + "; ".join(changed), pytrace=False)


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Repeat a coroutine with the mark `repeated_if_starved`, with new fixtures."""
    mark = item.get_closest_marker("repeated_if_starved")
    if not mark or not isinstance(item, pytest.Function) or not inspect.iscoroutinefunction(item.obj):
        return None
    run_again_if_starved(item, nextitem, *mark.args)
    return True


_LONG_FILES = (
    "real/matrix/test_matrix.py",
    "real/openvpn/test_matrix.py",
    "real/ikev2/test_matrix.py",
    "store/test_disk_faults.py",
    "real/proxies/test_matrix.py",
    "real/test_one_prober.py",
    "systems/test_systems.py",
)
"""Of the thorough tests, these take minutes each, and one process runs the whole file.

The first floods a server, which takes the processor from other programs. So the proxies begin only when one
of four processes is free again.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: all other processes wait for one that is begun last."""

    def rank(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next((at for at, each in enumerate(_LONG_FILES) if path.endswith(each)), len(_LONG_FILES))

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Spare the garbage collector thousands of tests and modules that live to the end: a sixth of the run."""
    start_hypothesis()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def pytest_sessionfinish() -> None:
    """Look for garbage once. Pytest looks five times more, and has little to look at after that."""
    gc.collect()
    gc.freeze()
