"""`wgmon-tui` in a child of a process that has loaded its modules: a start takes milliseconds.

For tests of words, streams, environment and exit code. Tests of signals and of imports start Python.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PATIENCE_S = 60.0
_MAX_MESSAGE = 1 << 20
_UNANSWERED = re.compile("^wgmon-tui: interfaces? .+ did not answer wg within .+; left out\n", re.MULTILINE)
_CAN_FORK = sys.platform == "linux"  # elsewhere a fork of a loaded process is not safe

_USED_BY_MOST = (
    *("wgmon_tui.cli.dashboard", "wgmon_tui.cli.doctor_output", "wgmon_tui.cli.export_run"),
    *("wgmon_tui.cli.import_keygen", "wgmon_tui.cli.probe_run", "wgmon_tui.cli.standard_streams"),
    *("wgmon_tui.cli.parser", "wgmon_tui.cli.trace", "wgmon_tui.config.secrets.process_protection"),
    *("wgmon_tui.config.secrets.secret_variables", "wgmon_tui.doctor.run", "wgmon_tui.faults"),
    *("wgmon_tui.protocols.wireguard.prober", "ctypes"),
)


@dataclass(frozen=True)
class Ran:
    code: int
    out: bytes
    err: bytes


def own_lines(errors: str) -> str:
    """Standard error without the interfaces of other tests: their wireguard-go may be stopped just now.

    The tests that call this have no interface of their own.
    """
    return _UNANSWERED.sub("", errors)


@dataclass(frozen=True)
class _Request:
    words: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    is_strict: bool


def run_program(
    *words: str | Path,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    is_strict: bool = False,
) -> Ran:
    """Run `wgmon-tui` to its end. With `is_strict`, a warning of Python is an error.

    Raises TimeoutExpired.
    """
    environment = dict(os.environ if environment is None else environment)
    request = _Request(tuple(map(str, words)), environment, str(directory or Path.cwd()), is_strict)
    run = _run_forked if _CAN_FORK else _run_python
    return run(request, stdin, stdout)


def _run_python(request: _Request, stdin: int | None, stdout: int | None) -> Ran:
    strictness = ("-W", "error") if request.is_strict else ()
    done = subprocess.run(
        [sys.executable, *strictness, "-m", "wgmon_tui", *request.words],
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        env=request.environment,
        cwd=request.directory,
        timeout=_PATIENCE_S,
        check=False,
    )
    return Ran(done.returncode, done.stdout or b"", done.stderr)


def _run_forked(request: _Request, stdin: int | None, stdout: int | None) -> Ran:
    with Path(os.devnull).open("rb") as nothing, ThreadPoolExecutor(2) as readers:
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        streams = [
            nothing.fileno() if stdin is None else stdin,
            out_end if stdout is None else stdout,
            err_end,
        ]
        socket.send_fds(_server(), [json.dumps(asdict(request)).encode()], [*streams, theirs.fileno()])
        theirs.close()
        os.close(out_end)
        os.close(err_end)
        texts = [readers.submit(_read_all, each) for each in (out, err)]
        with ours:
            code = _await_end(ours, request.words)
        return Ran(code, *(each.result() for each in texts))


def _await_end(reports: socket.socket, words: object) -> int:
    reports.settimeout(_PATIENCE_S)
    pid = int(reports.recv(_MAX_MESSAGE))
    try:
        return int(reports.recv(_MAX_MESSAGE))
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        raise subprocess.TimeoutExpired(str(words), _PATIENCE_S) from None


def _read_all(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        return file.read()


@cache
def _server() -> socket.socket:
    """The socket that takes requests. The server ends with the process of the tests."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = subprocess.Popen(
        [sys.executable, "-m", __name__, str(theirs.fileno())],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()], cwd=_ROOT,
    )  # fmt: skip
    theirs.close()

    def end() -> None:
        ours.close()
        server.wait()

    atexit.register(end)
    return ours


# In the server


def _serve(requests: socket.socket) -> _Request:
    """Fork for each request. Returns in the child that is to run the program."""
    for name in _USED_BY_MOST:
        import_module(name)
    gc.collect()
    gc.freeze()
    children = 0
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, _MAX_MESSAGE, 4)
        while children and os.waitpid(-1, os.WNOHANG if message else 0)[0]:
            children -= 1
        if not message:
            sys.exit()
        if os.fork() == 0:
            break
        children += 1
        for each in descriptors:
            os.close(each)
    requests.close()
    *streams, end = descriptors
    reports = socket.socket(fileno=end)
    if (pid := os.fork()) != 0:
        for each in streams:
            os.close(each)
        reports.send(str(pid).encode())
        reports.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
        os._exit(0)
    reports.close()
    request = _Request(**json.loads(message))
    _prepare(request, streams)
    return request


def _prepare(request: _Request, streams: list[int]) -> None:
    """Make this process what Python's start would have made of it."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.directory)
    time.tzset()
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "").partition(":")
    sys.stdin = sys.__stdin__ = _open(0, "r", encoding, errors)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _open(1, "w", encoding, errors)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _open(2, "w", encoding, "backslashreplace", buffering=1)  # type: ignore[misc]
    if request.is_strict:
        warnings.simplefilter("error")
    sys.argv[1:] = request.words


def _open(descriptor: int, mode: str, encoding: str, errors: str, buffering: int = -1) -> TextIOWrapper:
    file = open(  # noqa: SIM115
        descriptor, mode, buffering, encoding or "utf-8", errors=errors or None, closefd=False
    )
    assert isinstance(file, TextIOWrapper)
    return file


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("wgmon_tui", run_name="__main__", alter_sys=True)
