"""CPU cost of a completed handshake for the initiator: `python -m tests.perf.handshake_cost`.

First compared with its four scalar multiplications, the minimum for any implementation with libsodium; then
over loopback UDP with wgprobe (Rust, boringtun). Only ratios of neighbouring blocks are compared: a shared
machine changes its speed from one second to the next, and CPU time alone does not show it.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import process_time_ns, thread_time_ns, time_ns

import nacl
import wgprobe
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from wgmon_tui.checks import tai64n
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.protocols.wireguard.handshake import Initiator, RejectedError, Responder

CALCULATED_BLOCK = 50  # handshakes; about 8 ms, short compared with the machine's changes of speed
UDP_BLOCK = 100
TIMEOUT_S = 3.0
WARM_UP_BLOCKS = 5


def machine() -> str:
    """The machine and the Python version, in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        model = next((value.strip() for key, _, value in lines if key.strip() == "model name"), model)
    load = os.getloadavg()[0]
    return (
        f"{model}, {os.cpu_count()} CPUs, load {load:.2f}; {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}, PyNaCl {nacl.__version__}"
    )


def spread(values: list[float]) -> str:
    """Median, extremes and quartiles of paired ratios, in one line."""
    first, _, third = quantiles(values, n=4)
    return (
        f"median {median(values):.3f}   min {min(values):.3f}   "
        f"quartiles {first:.3f} to {third:.3f}   max {max(values):.3f}   ({len(values)} pairs)"
    )


def calculated_block(initiator: Initiator, responder: Responder) -> int:
    """CPU nanoseconds that the initiator spends on a block. The responder's work is not measured."""
    stamp = tai64n.encode(time_ns())
    started = thread_time_ns()
    attempts = [initiator.initiate(index, stamp) for index in range(CALCULATED_BLOCK)]
    spent = thread_time_ns() - started
    responses = [responder.respond(responder.open(attempt.packet), 1)[0] for attempt in attempts]
    started = thread_time_ns()
    for attempt, response in zip(attempts, responses, strict=True):
        attempt.complete(response)
    return spent + thread_time_ns() - started


def baseline_block(private: bytes, public: bytes) -> int:
    """CPU nanoseconds of the scalar multiplications of a block alone."""
    started = thread_time_ns()
    for _ in range(CALCULATED_BLOCK):
        crypto_scalarmult_base(private)
        crypto_scalarmult(private, public)
        crypto_scalarmult(private, public)
        crypto_scalarmult(private, public)
    return thread_time_ns() - started


def compare_with_baseline(blocks: int) -> None:
    """Print what the handshake code costs on top of its scalar multiplications."""
    client, server = PrivateKey.generate(), PrivateKey.generate()
    initiator, responder = Initiator(client, server.public), Responder(server)
    pairs = []
    for number in range(WARM_UP_BLOCKS + blocks):
        if number % 2:  # alternate the order, so that neither always runs second
            ours = calculated_block(initiator, responder)
            floor = baseline_block(client.raw, server.public.raw)
        else:
            floor = baseline_block(client.raw, server.public.raw)
            ours = calculated_block(initiator, responder)
        if number >= WARM_UP_BLOCKS:
            pairs.append((ours / CALCULATED_BLOCK / 1e3, floor / CALCULATED_BLOCK / 1e3))
    print("\nCalculation alone: Initiator.initiate + Attempt.complete, the responder's work not counted")
    print("floor: one crypto_scalarmult_base + three crypto_scalarmult of nacl.bindings, in the same run")
    for name, column in (
        ("wgmon-tui", [ours for ours, _ in pairs]),
        ("floor", [floor for _, floor in pairs]),
    ):
        print(f"  {name:<12} median {median(column):7.1f} µs   min {min(column):7.1f} µs a handshake")
    print(f"  floor / wgmon-tui {spread([floor / ours for ours, floor in pairs])}")


def respond(private: PrivateKey) -> None:
    """Print a loopback port, and answer every initiation on it until the process is ended."""
    responder = Responder(private)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        print(bound.getsockname()[1], flush=True)
        while True:
            packet, source = bound.recvfrom(2048)
            try:
                initiation = responder.open(packet)
            except RejectedError:  # the keepalive that follows each handshake
                continue
            bound.sendto(responder.respond(initiation, 1)[0], source)


@contextmanager
def responding(private: PrivateKey) -> Iterator[int]:
    """The port of a responder in a child process on the last core. It reads its key from stdin."""
    command = [sys.executable, "-m", "tests.perf.handshake_cost", "--respond"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            print(private.to_text(), file=process.stdin, flush=True)
            yield int(process.stdout.readline())
        finally:
            process.terminate()


class OneSocket:
    """A handshake initiator with one blocking socket: all that a prober keeps between two handshakes."""

    def __init__(self, client: PrivateKey, server: PublicKey, port: int) -> None:
        self._initiator = Initiator(client, server)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(TIMEOUT_S)
        self._socket.connect(("127.0.0.1", port))
        self._last_ns = 0

    def __call__(self) -> None:
        self._last_ns = tai64n.next_timestamp_ns(self._last_ns, time_ns())
        attempt = self._initiator.initiate(7, tai64n.encode(self._last_ns))
        self._socket.send(attempt.packet)
        session = attempt.complete(self._socket.recv(2048))
        self._socket.send(session.keepalive())

    def close(self) -> None:
        self._socket.close()


def udp_block(handshake: Callable[[], None]) -> float:
    """CPU microseconds (user and system) of this process for one handshake of a block."""
    started = process_time_ns()
    for _ in range(UDP_BLOCK):
        handshake()
    return (process_time_ns() - started) / UDP_BLOCK / 1e3


def own_cores() -> list[int]:
    """The processor cores that this process may use; the same one twice where a process cannot choose."""
    cores = [0]
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
    return cores


def pin_to(core: int) -> None:
    """Run on one core only, where the system allows it."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {core})


def compare_with_wgprobe(blocks: int, cores: list[int]) -> None:
    """Print handshakes per CPU second over loopback, for wgmon-tui and wgprobe with the same responder."""
    client, server = PrivateKey.generate(), PrivateKey.generate()
    with responding(server) as port, tempfile.NamedTemporaryFile("w", suffix=".key") as key_file:
        pin_to(cores[0])
        key_file.write(client.to_text())
        key_file.flush()

        def wgprobes() -> None:
            report = wgprobe.probe_key_file(key_file.name, str(server.public), f"127.0.0.1:{port}")
            if report.verdict != "authentication_confirmed":
                raise SystemExit(f"wgprobe: {report.verdict}")

        def from_nothing() -> None:
            fresh = OneSocket(client, server.public, port)
            fresh()
            fresh.close()

        kept = OneSocket(client, server.public, port)
        contestants: dict[str, Callable[[], None]] = {
            "wgmon-tui": kept,
            "wgmon-tui, one-shot": from_nothing,
            "wgprobe": wgprobes,
        }
        for handshake in contestants.values():
            udp_block(handshake)
        spent: dict[str, list[float]] = {name: [] for name in contestants}
        for number in range(blocks):
            order = list(contestants)
            for name in reversed(order) if number % 2 else order:
                spent[name].append(udp_block(contestants[name]))
        kept.close()

    print(f"\nOver loopback UDP, one at a time, {blocks} blocks of {UDP_BLOCK} each: CPU (user + system) of")
    print(
        "the probing process. The responder is wgmon-tui in another process, on another core. A handshake is"
    )
    print("initiation, response, verification, one keepalive.")
    print("  wgmon-tui            handshake code + one blocking socket, both kept between handshakes")
    print("  wgmon-tui, one-shot  a new socket and a new Initiator each time, as a one-shot tool must")
    print(f"  wgprobe              {wgprobe.__version__}, probe_key_file: one-shot, keeps nothing\n")
    for name, column in spent.items():
        middle = median(column)
        print(f"  {name:<20} median {middle:7.1f} µs   min {min(column):7.1f} µs   {1e6 / middle:6.0f}/CPU s")
    for name in ("wgmon-tui", "wgmon-tui, one-shot"):
        ratios = [theirs / ours for ours, theirs in zip(spent[name], spent["wgprobe"], strict=True)]
        print(f"  wgprobe / {name:<19} {spread(ratios)}")
    print("  (above 1: wgprobe spends more)")


def main() -> None:
    """Measure and print; with --respond, run the responder."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf.handshake_cost", description=main.__doc__)
    parser.add_argument("--respond", action="store_true", help="answer on loopback; the private key on stdin")
    parser.add_argument("--blocks", type=int, default=300, help="pairs of blocks against the floor")
    parser.add_argument("--udp-blocks", type=int, default=15, help="blocks over UDP for each contestant")
    arguments = parser.parse_args()
    cores = own_cores()
    if arguments.respond:
        pin_to(cores[-1])
        respond(PrivateKey.from_text(sys.stdin.readline()))
        return
    print(machine())
    compare_with_baseline(arguments.blocks)
    compare_with_wgprobe(arguments.udp_blocks, cores)


if __name__ == "__main__":
    main()
