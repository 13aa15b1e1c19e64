"""Plays the failure matrix of IKEv2: `python -m tests.real.ikev2.matrix [WORDS OF A MODE]`.

The server and the client are strongSwan's charon. The client judges: it must get a session exactly where
wgmon-tui says so.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.busy_machine import play_again_if_starved
from tests.real.ikev2.matrix_rows import ROWS
from tests.real.ikev2.row import Row
from tests.real.ikev2.strongswan import Charon, charon
from tests.real.ikev2.world import (
    SIGNATURES,
    Watcher,
    configuration,
    credentials,
    expired_client,
    revocation_list,
    strongswan,
)
from tests.real.namespaces import CLIENT_V4, SERVER_V4, RoutedPath, entered, ip, routed_path
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.models import Round
from wgmon_tui.protocols.ikev2.client import IkeClient
from wgmon_tui.protocols.ikev2.client_options import IKE_PORT, ClientOptions, PathEnds
from wgmon_tui.protocols.ikev2.offers import ike_offer
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings

HEADINGS = ("failure mode", "verdict of wgmon-tui", "stage", "a real client got", "agree")
_PLUGINS = "kernel-libipsec kernel-netlink"


@dataclass(frozen=True, slots=True)
class Played:
    """What a row gave: the round of wgmon-tui, and whether the client got a session."""

    row: Row
    round: Round
    has_session: bool

    @property
    def complaints(self) -> Iterator[str]:
        """What is wrong, a line each."""
        diagnosis, row = self.round.diagnosis, self.row
        if diagnosis.verdict is not row.verdict:
            yield f"{diagnosis.verdict.slug}, not {row.verdict.slug}: {diagnosis.summary}"
        if diagnosis.failed_stage != row.stage:
            yield f'failed at "{diagnosis.failed_stage}", not at "{row.stage}"'
        said = diagnosis.summary + "".join(each.cause for each in diagnosis.causes[:1])
        if row.cause not in said:
            yield f"{row.cause!r} is not in {said!r}"
        if any(each.proven for each in diagnosis.causes) != row.proven and not _is_common(self):
            yield f"a proven cause: {not row.proven}"
        if self.has_session != row.works:
            yield f"the client {'got' if self.has_session else 'did not get'} a session"
        if not self.agrees:
            yield f"{diagnosis.verdict.slug} does not agree with the client"

    @property
    def agrees(self) -> bool:
        """Whether the client got a session exactly where the verdict promises one."""
        is_down = self.round.diagnosis.verdict.severity is Severity.DOWN
        is_dead_inside = self.round.diagnosis.failed_stage == "tunnel" and self.row.works
        return self.has_session != is_down or is_dead_inside


def _is_common(played: Played) -> bool:
    return played.row.stopped  # the cause of a closed port is of all protocols


def client_files() -> dict[str, bytes]:
    """Certificates and keys of the client, and all authorities."""
    found: dict[str, bytes] = {}
    for kind in SIGNATURES:
        made = credentials(kind)
        found[f"x509ca/{kind}-authority.pem"] = made.authority.certificate_pem
        found[f"x509/{kind}-client.pem"] = made.client.certificate_pem
        found[f"private/{kind}-client.pem"] = made.client.key_pem
    expired = expired_client()
    return {
        **found,
        "x509crl/ecdsa.pem": revocation_list(),
        "x509/expired-client.pem": expired.certificate_pem,
        "private/expired-client.pem": expired.key_pem,
    }


class Matrix:
    """One path with a server and a client on it, for one row after the other."""

    def __init__(self, path: RoutedPath, directory: Path) -> None:
        self._path, self._directory = path, directory
        self._number = 0

    def play(self, row: Row) -> Played:
        """Play a row, and again if this machine spoiled it."""
        return play_again_if_starved(
            lambda: self._play_once(row),
            lambda played: any(played.complaints),
            lambda played: played.round.check.evidence,
        )

    def _play_once(self, row: Row) -> Played:
        """Play a row on a server and a client of its own."""
        self._number += 1
        directory = self._directory / str(self._number)
        with ExitStack() as stack:
            if not row.stopped:
                stack.enter_context(self._server(row, directory / "server"))
            client = stack.enter_context(
                charon(
                    self._path.client,
                    directory / "client",
                    row.client,
                    plugins=_PLUGINS,
                    files=client_files(),
                )
            )
            if row.rule:
                stack.enter_context(self._path.filtered(row.rule))
            watcher = Watcher(self._path, directory / "watcher")
            if row.cookie:
                self._open_half()
            ip(self._path.client, f"link set dev uplink mtu {row.mtu}")
            stack.callback(ip, self._path.client, "link set dev uplink mtu 1500")
            outcome = watcher.look(
                row.settings, explain=True, tunnel=row.tunnel, ping=row.ping, timeout="1500ms"
            )
            got = has_session(client, wants_child=row.tunnel)
            return Played(row, outcome, got)

    @contextmanager
    def _server(self, row: Row, directory: Path) -> Iterator[Charon]:
        settings = "cookie_threshold = 1" if row.cookie else ""
        with strongswan(
            self._path,
            directory,
            conf=row.conf or configuration(),
            settings=settings,
            plugins=_PLUGINS,
        ) as started:
            yield started

    def _open_half(self) -> None:
        """Leave a session half open, as a flood does: the server then wants cookies."""
        ask = IkeClient(ClientOptions(ike_offer(Ikev2Settings())), PathEnds(CLIENT_V4, 0, SERVER_V4))
        ask.begin(0.0)
        with entered(self._path.client), socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(30)
            for each in ask.take_datagrams():
                sock.sendto(each.data, (str(SERVER_V4), IKE_PORT))
            sock.recv(4096)


def has_session(client: Charon, *, wants_child: bool) -> bool:
    """Whether the real client gets a session, and a CHILD_SA if it wants one."""
    what = ("--child", "net") if wants_child else ("--ike", "own")
    done = client.run("--initiate", *what, "--timeout", "6")
    got = done.returncode == 0
    client.run("--terminate", "--ike", "own", "--timeout", "2")
    return got


def play(rows: Sequence[Row]) -> list[Played]:
    """Play rows one after the other."""
    with routed_path() as path, tempfile.TemporaryDirectory() as directory:
        matrix = Matrix(path, Path(directory))
        return [matrix.play(each) for each in rows]


def main() -> int:
    """Run the matrix. Exit status 1 if a verdict is wrong or disagrees with what the client got."""
    words = " ".join(sys.argv[1:])
    began = time.monotonic()
    outcomes = play([each for each in ROWS if words in each.mode])
    shown = [HEADINGS, *(_shown(each) for each in outcomes)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for cells in shown:
        print("  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip())
    wrong = [f"{each.row}: {line}" for each in outcomes for line in each.complaints]
    print(f"\n{len(outcomes)} rows in {time.monotonic() - began:.0f} s, {len(wrong)} complaints")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def _shown(played: Played) -> tuple[str, ...]:
    diagnosis = played.round.diagnosis
    return (
        played.row.mode,
        diagnosis.verdict.slug,
        diagnosis.failed_stage or "-",
        "a session" if played.has_session else "no session",
        "yes" if played.agrees else "no",
    )


if __name__ == "__main__":
    sys.exit(main())
