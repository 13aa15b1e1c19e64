"""Plays the failures of OpenVPN: the check of wgmon-tui, and then a real client as the judge."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.busy_machine import play_again_if_starved
from tests.real.namespaces import firewall, namespace, no_firewall
from tests.real.openvpn.checking import SHORT_S, make_openvpn_target, run_check
from tests.real.openvpn.rows import ROWS
from tests.real.openvpn.scenes import Scene, VpnRow, other_client
from tests.real.openvpn.server import READY, OpenVpn, installed_version, running_server
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Diagnosis, Severity

HEADINGS = ("failure mode", "verdict of wgmon-tui", "first cause", "a real client", "agree")
_CLIENT_WINDOWS = 3
"""After how many of its windows nothing more is expected of the real client."""
_REFUSED = ("AUTH_FAILED", "TLS Error", "SIGTERM", "SIGUSR1", "Cannot", "Connection refused", "Exiting")
_CLIENT = ("--connect-retry-max", "1", "--ifconfig-noexec", "--route-noexec", "--hand-window")


@dataclass(frozen=True, slots=True)
class Played:
    """What a row showed. `connected` is what the real client got."""

    row: VpnRow
    check: Check
    diagnosis: Diagnosis
    connected: bool

    @property
    def agrees(self) -> bool:
        """Whether verdict and client agree: what a client cannot use is down."""
        works = self.diagnosis.verdict.severity in (Severity.UP, Severity.DEGRADED)
        if self.row.is_dead_inside:
            return self.connected and not works
        return works is (self.connected and not self.row.is_other_remote)

    @property
    def wrong(self) -> list[str]:
        """What is not as the row says."""
        found, row = self.diagnosis, self.row
        first = found.causes[0] if found.causes else None
        complaints = []
        if found.verdict is not row.verdict:
            complaints.append(f"verdict {found.verdict.slug}, not {row.verdict.slug}: {found.summary}")
        if found.failed_stage != row.stage:
            complaints.append(f"stage {found.failed_stage or 'none'}, not {row.stage or 'none'}")
        if row.cause and (first is None or row.cause not in first.cause):
            complaints.append(f"first cause {first.cause if first else 'none'}, not {row.cause}")
        if row.is_proven and (first is None or not first.proven):
            complaints.append("the cause is not proven")
        if self.connected is not row.connects:
            complaints.append(f"a real client {'connects' if self.connected else 'does not connect'}")
        if not self.agrees:
            complaints.append("verdict and client disagree")
        return complaints


def play(row: VpnRow) -> Played:
    """Play one row, and again if this machine spoiled it: this process or the server had no time."""
    if row.since_2_7 and installed_version() >= (2, 7):
        row = row.since_2_7(row)
    timeout_s = 4 * SHORT_S if row.needs_second_request else SHORT_S
    played = _play_within(row, timeout_s)
    return _play_within(row, 4 * timeout_s) if played.wrong else played


def _play_within(row: VpnRow, timeout_s: float) -> Played:
    return play_again_if_starved(
        lambda: _play_once(row, timeout_s),
        lambda played: bool(played.wrong),
        lambda played: played.check.evidence,
    )


def _play_once(row: VpnRow, timeout_s: float) -> Played:
    """Play a row in a namespace of its own."""
    with namespace("v") as name, tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        scene = row.scene(directory)
        with _prepared(name, directory, scene):
            target = make_openvpn_target(scene.profile, timeout_s=timeout_s)
            check, diagnosis = run_check(name, target, explain=True)
            connected = _connects(name, directory, scene.profile, row)
            return Played(row, check, diagnosis, connected)


@contextmanager
def _prepared(name: str, directory: Path, scene: Scene) -> Iterator[None]:
    with ExitStack() as stack:
        if scene.setup is not None:
            stack.enter_context(running_server(name, directory, scene.setup))
            for number in range(scene.other_clients):
                other = OpenVpn(name, directory, other_client(scene.setup, number), *_CLIENT, "2")
                stack.callback(other.stop)
                assert other.await_line(READY), other.log
        if scene.blocks_port:
            firewall(name, "input", "udp dport 1194 drop")
            stack.callback(no_firewall, name)
        if scene.drops:
            firewall(name, "input", scene.drops)
            stack.callback(no_firewall, name)
        if scene.blocks_address:
            firewall(name, "input", f"ip daddr {scene.blocks_address} udp dport 1194 drop")
            stack.callback(no_firewall, name)
        if scene.blocks_tunnel:
            firewall(name, "input", 'iifname != "lo" drop')
            stack.callback(no_firewall, name)
        yield


def _connects(name: str, directory: Path, profile: str, row: VpnRow) -> bool:
    """Whether Debian's client completes with this profile, and gets an address."""
    ends = () if row.is_other_remote else _REFUSED  # then the failure of the first remote is not its end
    window_s = row.client_window_s
    client = OpenVpn(name, directory, profile, *_CLIENT, str(window_s))
    try:
        found = client.await_line(READY, *ends, within_s=float(_CLIENT_WINDOWS * window_s))
        return found == READY and ",ifconfig " in client.log
    finally:
        client.stop()


def table(words: str = "") -> tuple[list[Sequence[str]], list[str]]:
    """The lines of the table for rows with these words, and what is wrong in them."""
    lines: list[Sequence[str]] = [HEADINGS]
    complaints = []
    if shutil.which("openvpn") is None:
        return lines, ["openvpn is not there: apt-get install --no-install-recommends openvpn"]
    for played in (play(row) for row in ROWS if words in row.mode):
        first = played.diagnosis.causes[0].cause if played.diagnosis.causes else "-"
        got = "connected" if played.connected else "did not connect"
        agrees = "yes" if played.agrees else "no"
        lines.append((played.row.mode, played.diagnosis.verdict.slug, first, got, agrees))
        complaints += [f"{played.row.mode}: {each}" for each in played.wrong]
    return lines, complaints
