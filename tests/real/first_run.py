"""The first minute of a new user, on a real wireguard-go: `python -m tests.real.first_run`.

Runs `wgmon-tui add` with nothing configured, types the printed line on the server, and waits for the first
green row. Prints what the user types and reads, and how long it takes. Needs root.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.real.namespaces import routed_path
from tests.real.prerequisites import require
from tests.real.wireguard_go import WireguardGo

_USUAL_INTERFACE = "wg0"
_KEY_LENGTH = 44
_TUNNEL_ADDRESS = "10.7.0.250"


@dataclass(frozen=True)
class FirstRun:
    """What was typed on both machines, what was printed, the exit code and the times in seconds.

    `asked_s` is the time until the line for the server is printed, `seconds` that until the program exits.
    """

    command: str
    line: str
    output: str
    errors: str
    code: int
    asked_s: float
    seconds: float

    @property
    def typed(self) -> int:
        """Characters typed or pasted: the command, and the line on the server, each with Enter."""
        return len(self.command) + len(self.line) + 2

    @property
    def typed_by_hand(self) -> int:
        """Characters that nobody can paste: the command without the key, and Enter twice."""
        return len(self.command) - _KEY_LENGTH + 2

    @property
    def read(self) -> int:
        """Words of the program's output."""
        return len((self.output + self.errors).split())


def first_run(server: WireguardGo, directory: Path, words: Sequence[str], before_line: str = "") -> FirstRun:
    """Run `wgmon-tui add` with these words; a shell on the server runs the line that it prints.

    `before_line` precedes the line there, as when the line reads a key from its input.
    """
    typed = ["add", *words]
    program = [sys.executable, "-m", "wgmon_tui", "--config", str(directory / "config")]
    program += ["--state", str(directory / "state"), *typed, "--interface", server.interface]
    started = time.monotonic()
    with server.vantage():
        process = subprocess.Popen(
            program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    assert process.stdout is not None
    output, line = [], ""
    while not line:
        output.append(process.stdout.readline())
        assert output[-1], process.communicate()
        line = output[-1].strip() if output[-1].startswith("wg set ") else ""
    asked_s = time.monotonic() - started
    server.run(before_line + line)
    with process:
        assert process.stderr is not None
        rest, errors = process.stdout.read(), process.stderr.read()
    return FirstRun(
        " ".join(["wgmon-tui", *typed]),
        line.replace(server.interface, _USUAL_INTERFACE),
        "".join(output) + rest,
        errors,
        process.returncode,
        asked_s,
        time.monotonic() - started,
    )


def three_words(server: WireguardGo) -> list[str]:
    """NAME ENDPOINT PUBLIC_KEY of the server."""
    host, port = server.endpoint(4)
    return ["fra1", f"{host}:{port}", str(server.public_key)]


def main() -> int:
    """Measure the first run with and without a tunnel address."""
    require("wireguard-go", "wg", "ip", "nft", root=True)
    code = 0
    with routed_path() as path:
        server = WireguardGo(path)
        try:
            for words in (three_words(server), [*three_words(server), "--tunnel-address", _TUNNEL_ADDRESS]):
                with TemporaryDirectory() as directory:
                    done = first_run(server, Path(directory), words)
                print(report(done))
                code = max(code, done.code)
        finally:
            server.stop()
    return code


def report(done: FirstRun) -> str:
    """The figures of a first run, and what was printed."""
    return (
        f"$ {done.command}\n{done.output}{done.errors}exit code {done.code}\n"
        f"typed by hand: {done.typed_by_hand} characters, {done.typed} with what is pasted, in 2 lines; "
        f"read: {done.read} words; "
        f"line printed after {done.asked_s:.1f} s; green after {done.seconds:.1f} s\n"
    )


if __name__ == "__main__":
    sys.exit(main())
