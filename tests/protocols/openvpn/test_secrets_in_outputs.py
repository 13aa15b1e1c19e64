"""No key, password or answer of a profile in anything that a running program stores, prints or shows."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from tests.daemon.harness import until
from tests.protocols.openvpn.profile_texts import inline
from tests.tui.sample_fleet import QuietEngine
from tests.tui.server_screen_harness import opened
from wgmon_tui.cli.main import main
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.lab.openvpn.certificates import LabAuthority, make_static_key, write_profile
from wgmon_tui.lab.openvpn.server import OpenVpnLabMode, OpenVpnLabServer, OpenVpnLabSetup
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.output.prometheus_counters import FleetCounters
from wgmon_tui.output.prometheus_text import render_metrics
from wgmon_tui.protocols.openvpn.earlier_checks import find_tunnel
from wgmon_tui.vantages.protocol import encode_report_body

PASSWORD, ANSWER = "hunter2secret", "tango-4711"
MODES = {
    "good": OpenVpnLabMode.HEALTHY,
    "refusing": OpenVpnLabMode.REFUSING,
    "expired": OpenVpnLabMode.EXPIRED,
    "silent": OpenVpnLabMode.WRONG_KEY,
}
KEY = make_static_key()
SILENCE_TIMES = 'timeout = "500ms"\ninterval = "1s"\n'
ANSWER_TIMES = 'timeout = "10s"\ninterval = "10s"\ntunnel_every = "10s"\n'
"""Time for a login on a busy machine, and the shortest time until the next one if it fails."""

COMMANDS = (
    ("list", "--json"),
    ("show", "good"),
    ("show", "--json", "refusing"),
    ("config", "--check"),
    ("export", "checks"),
    ("export", "incidents", "--format", "markdown"),
    ("export", "exchange", "refusing"),
    ("export", "exchange", "expired"),
)


class Secrets:
    """The secrets of one profile, and the forms in which a file or a packet writes them."""

    def __init__(self, profile: str) -> None:
        key = re.search(r"PRIVATE KEY-----\n(.*?)\n-----END", profile, re.DOTALL)
        assert key is not None
        texts = [PASSWORD, ANSWER, *key[1].splitlines()[:2], KEY.hex()[:32], KEY.hex()[64:96]]
        self._forms = [
            *(each.encode() for each in texts),
            *(each.encode().hex().encode() for each in (PASSWORD, ANSWER)),
            KEY[:16],
            KEY[128:144],
        ]

    def find_in(self, text: bytes) -> list[bytes]:
        return [each for each in self._forms if each in text]


def private(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text)


@asynccontextmanager
async def run(directory: Path) -> AsyncIterator[tuple[Writer, list[str], Secrets]]:
    """A writer that has logged in to one server, and got three kinds of failure from others."""
    authority, config, state = LabAuthority(), directory / "config", directory / "state"
    config.mkdir()
    client = authority.issue_client("monitor")
    entries, profile, labs = "", "", []
    for name, mode in MODES.items():
        lab = OpenVpnLabServer(OpenVpnLabSetup(authority, static_key=KEY), mode)
        labs.append(lab)
        profile = write_profile(lab.endpoint, authority, client, KEY)
        profile += inline("auth-user-pass", f"ada\n{PASSWORD}") + 'static-challenge "Code:" 1\n'
        private(config / f"{name}.ovpn", profile)
        entries += (
            f'[[server]]\nname = "{name}"\nendpoint = "{lab.endpoint}"\nprotocol = "openvpn"\n'
            f"fail_after = 1\n{SILENCE_TIMES if name == 'silent' else ANSWER_TIMES}"
            "[server.openvpn]\ndedicated = true\n"
            f'profile = "{name}.ovpn"\nchallenge_response = "{ANSWER}"\n'
        )
    private(config / "servers.toml", entries)
    log = list[str]()
    for each in labs:
        await each.start()
    loaded = load_config(config)
    writer = build_writer(state, loaded, WriterLock.acquire(state), config_dir=config, log_request=log.append)
    running = asyncio.create_task(writer.run())
    try:
        states = writer.fleet_state.states
        await until(lambda: all(states[name].incident for name in MODES if name != "good"))
        await until(lambda: has_been_inside(states["good"]))
        yield writer, log, Secrets(profile)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        for each in labs:
            await each.stop()


def has_been_inside(state: ServerState) -> bool:
    """Whether echoes came back, in the last check or in the last one of all stages."""
    if state.last is None:
        return False
    tunnel = find_tunnel(state.last.check, state.last.check.evidence)
    return tunnel is not None and tunnel.received > 0


def printed(directory: Path, *words: str) -> bytes:
    """What a command prints."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        main(["--config", str(directory / "config"), "--state", str(directory / "state"), *words])
    return out.getvalue().encode()


async def test_nothing_that_the_program_stores_says_or_shows_has_a_secret(tmp_path: Path) -> None:
    async with run(tmp_path) as (writer, log, secrets):
        states = list(writer.fleet_state.states.values())
        metrics = b"".join(b"".join(part) for part in render_metrics(states, FleetCounters()))
        reports = [encode_report_body(each.server.name, each.last) for each in states if each.last]
        said = "\n".join((*log, *writer.warnings, repr(writer.loaded), repr(states))).encode()
        rounds = {each.server.name: each.last for each in states}
    found = {
        "metrics": secrets.find_in(metrics),
        "reports of an agent": secrets.find_in(repr(reports).encode()),
        "log, warnings and repr": secrets.find_in(said),
    }
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            found[path.name] = secrets.find_in(path.read_bytes())
    for words in COMMANDS:
        found[" ".join(words)] = secrets.find_in(await asyncio.to_thread(printed, tmp_path, *words))
    engine = QuietEngine(list(writer.loaded.fleet.servers))
    for name, outcome in rounds.items():
        assert outcome is not None
        engine.fleet_state.record(name, outcome, outcome.check.started_at)
    async with opened(name="refusing", engine=engine, size=(140, 45)) as it:
        for key in ("1", "2", "3"):
            await it.press(key)
            found[f"screen {key}"] = secrets.find_in("\n".join(it.lines()).encode())
    assert {place: each for place, each in found.items() if each} == {}
    assert secrets.find_in((tmp_path / "config" / "good.ovpn").read_bytes())
