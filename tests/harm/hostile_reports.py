"""What hostile agents send: `python -m tests.harm.hostile_reports KIND FIFO SERVER…`.

It writes to a FIFO, and the command of the vantage is `cat FIFO`: the agent does not hear the writer. It
begins again whenever the writer ends the connection.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from os import urandom
from pathlib import Path
from secrets import token_hex

from tests.vantages.harness import hello_line
from tests.vantages.sample_rounds import FRA1, healthy, silent
from wgmon_tui.checks.check import Direction, Packet
from wgmon_tui.monitor.models import Round
from wgmon_tui.vantages.messages import AgentStatus
from wgmon_tui.vantages.protocol import encode_message, encode_report, encode_report_body

_PACKETS, _PACKET_BYTES = 110, 1400
"""Almost the largest report."""

GO = "go"
"""The file beside the FIFO that starts the reports."""

_WEEK_S = 7 * 86400.0


def send_packets(servers: list[str]) -> Iterator[bytes]:
    """Reports as large as possible, each with another verdict than the one before."""
    for number in count(1):
        server = servers[number % len(servers)]
        outcome = _outcome(server, number // len(servers), _times(number, len(servers)))
        noise = tuple(Packet(0.0, Direction.SENT, urandom(_PACKET_BYTES)) for _ in range(_PACKETS))
        checks = (replace(outcome.check, exchange=noise),)
        yield _report(number, server, replace(outcome, checks=checks))


def send_checks(servers: list[str]) -> Iterator[bytes]:
    """Small reports, as fast as they are taken."""
    for number in count(1):
        server = servers[number % len(servers)]
        outcome = _outcome(server, number // len(servers), _times(number, len(servers)))
        yield _report(number, server, replace(outcome, checks=(replace(outcome.check, exchange=()),)))


def send_problems(_: list[str]) -> Iterator[bytes]:
    """Another problem in each status."""
    for number in count():
        yield encode_message(AgentStatus(1.0, number, 0, token_hex(200)))


def send_garbage(_: list[str]) -> Iterator[bytes]:
    """Lines that are not of this protocol, one of them too long."""
    while True:
        yield urandom(1000).replace(b"\n", b"") + b"\n"
        yield b'{"report":' * 1000 + b"\n"
        yield bytes(2**21)


def send_honest_reports(servers: list[str]) -> Iterator[bytes]:
    """A healthy check of each server in every second."""
    for number in count(1):
        server = servers[number % len(servers)]
        yield _report(number, server, healthy(replace(FRA1, name=server), time.time()))
        time.sleep(1.0 / len(servers))


KINDS: dict[str, Callable[[list[str]], Iterator[bytes]]] = {
    "packets": send_packets,
    "checks": send_checks,
    "problems": send_problems,
    "garbage": send_garbage,
    "honest": send_honest_reports,
}


def main(kind: str, fifo: str, servers: list[str]) -> None:
    """Send to every connection until this process is killed."""
    for connection in count():
        epoch = kind if kind == "honest" else f"{kind} {connection}"
        with suppress(BrokenPipeError), Path(fifo).open("wb", buffering=0) as pipe:
            pipe.write(hello_line(epoch))
            while not (Path(fifo).parent / GO).exists():
                time.sleep(0.02)
            for line in KINDS[kind](servers):
                pipe.write(line)


def _outcome(server: str, turn: int, at: float) -> Round:
    return (healthy if turn % 2 else silent)(replace(FRA1, name=server), at)


def _times(number: int, servers: int) -> float:
    """Times that go through the minutes of the last week, since so many reports a minute are taken."""
    return time.time() - _WEEK_S + 100.0 + number / servers


def _report(number: int, server: str, outcome: Round) -> bytes:
    return encode_report(number, encode_report_body(server, outcome))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
