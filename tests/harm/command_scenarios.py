"""Every command of the parser as it is used: its files, words and exit codes, and what it leaves behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tomllib
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from wgmon_tui.cli.parser import commands_of, make_parser
from wgmon_tui.config.keys import PrivateKey

KEY = b64encode(bytes([8] * 31 + [72])).decode()
"""The private key of the scenarios; it must appear in no output and no report."""

_SERVERS = f"""\
[defaults]
identity = "here"

[[identity]]
name = "here"
private_key = "{KEY}"

[[server]]
name = "fra1"
endpoint = "127.0.0.1:9"
public_key = "{b64encode(bytes([9] * 32)).decode()}"
inspect = ["sleep", "1"]

[[server]]
name = "lon3"
endpoint = "127.0.0.1:9"
public_key = "{b64encode(bytes([7] * 32)).decode()}"
"""
_SUBSCRIPTION = """
[[subscription]]
name = "lists"
url = "http://127.0.0.1:9/list"
"""
_SINK = '[[sink]]\nname = "page"\ntype = "command"\ncommand = ["sleep", "1"]\n'
_CONF = f"""\
[Interface]
PrivateKey = {KEY}
Address = 10.8.0.2/32

[Peer]
PublicKey = {b64encode(bytes([9] * 32)).decode()}
PresharedKey = {b64encode(bytes([6] * 32)).decode()}
Endpoint = 127.0.0.1:9
AllowedIPs = 0.0.0.0/0
"""


@dataclass(frozen=True)
class Site:
    """The directories of one run."""

    home: Path

    @property
    def config(self) -> Path:
        return self.home / "config"

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def temporary(self) -> Path:
        return self.home / "tmp"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "TERM": "xterm-256color",
            "XDG_CONFIG_HOME": "",
            "XDG_STATE_HOME": "",
        }

    def command(self, *words: str) -> tuple[str, ...]:
        places = ("--config", str(self.config), "--state", str(self.state))
        return (sys.executable, "-m", "wgmon_tui", *places, *words)


@dataclass(frozen=True)
class Scenario:
    """One use of a command. `codes` are its exit codes without a signal."""

    command: str
    words: tuple[str, ...]
    codes: frozenset[int]
    has_terminal: bool = False
    is_endless: bool = False
    signal_codes: Mapping[int, int] = field(default_factory=dict)
    reload_signals: frozenset[int] = frozenset()
    has_history: bool = False
    find_remains: Callable[[Site], list[str]] = lambda _site: []

    @property
    def name(self) -> str:
        return f"{self.command} in a terminal" if self.has_terminal else self.command


def make_site(home: Path, scenario: Scenario, history: Path | None = None) -> Site:
    """Lay out the files of one run. `history` is a state directory to copy."""
    site = Site(home)
    for directory in (site.config, site.temporary):
        directory.mkdir(parents=True)
    lists = _SUBSCRIPTION if scenario.command == "subscriptions" else ""
    for name, text in (("servers.toml", _SERVERS), ("config.toml", _SINK + lists)):
        if scenario.command in ("import", "keygen"):
            break
        (site.config / name).touch(0o600)
        (site.config / name).write_text(text)
    (home / "fra1.conf").touch(0o600)
    (home / "fra1.conf").write_text(_CONF)
    if scenario.has_history and history is not None:
        shutil.copytree(history, site.state)
    elif scenario.command in _NEED_THE_STATE:
        site.state.mkdir()
    return site


def record_history(home: Path) -> Path:
    """Return a state directory with a history."""
    site = make_site(home, SCENARIOS[0])
    subprocess.run(
        site.command(),
        env=site.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return site.state


def find_remains(site: Site, scenario: Scenario) -> list[str]:
    """Everything that should not be there after the end: temporary files, half files, reports of faults."""
    found = [f"temporary file {path.name}" for path in site.temporary.iterdir() if not _is_of_sqlite(path)]
    found += [
        f"unfinished file {path.name}" for path in site.home.rglob(".*") if path.name != ".servers.toml.lock"
    ]
    found += [f"report: {path.read_text()}" for path in site.home.rglob("fault-*.txt")]
    return found + _find_processes(site) + scenario.find_remains(site)


def _find_processes(site: Site) -> list[str]:
    """Programs that a command started and that still run. Its own daemon outlives `agent` by intent."""
    found = []
    home = f"HOME={site.home}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if (
                home in (process / "environ").read_bytes().split(b"\0")
                and b"wgmon_tui.vantages.agent.daemon" not in words
            ):
                found.append(f"process {b' '.join(words).decode()}")
    return found


def _is_of_sqlite(path: Path) -> bool:
    return path.name.startswith("etilqs_")


def _half_import(site: Site) -> list[str]:
    """Key files without the servers.toml that names them, or the other way round."""
    keys = {path.name for path in site.config.glob("*") if path.suffix in (".key", ".psk")}
    file = site.config / "servers.toml"
    named: set[str] = set()
    if file.exists():
        entries = tomllib.loads(file.read_text())
        for entry in (*entries.get("identity", ()), *entries.get("server", ())):
            named |= {entry[key] for key in ("private_key_file", "preshared_key_file") if key in entry}
    return [] if keys == named else [f"key files {sorted(keys)}, but servers.toml names {sorted(named)}"]


def _half_export(site: Site) -> list[str]:
    file = site.home / "out.json"
    if file.exists() and not file.read_text().endswith("}\n"):
        return ["half of an export"]
    return []


_KEY = str(PrivateKey(bytes([9]) * 32).public)
_RUN_CODES: dict[int, int] = {signal.SIGTERM: 0, signal.SIGINT: 0}
_SERVERS_DOWN = frozenset({2, 3})
"""3 if the machine is so busy that a check counts as unknown."""


_NEED_THE_STATE = ("list", "show", "expiry", "nodes", "remove", "pause", "resume", "alert test")
"""Commands that refuse a state directory that does not exist, but work without a history in it."""

SCENARIOS = (
    Scenario("dashboard", (), _SERVERS_DOWN),
    Scenario("dashboard", (), frozenset(), has_terminal=True, is_endless=True),
    Scenario("demo", ("demo",), frozenset({0}), is_endless=True),
    Scenario("demo", ("demo",), frozenset(), has_terminal=True, is_endless=True),
    Scenario("run", ("run",), frozenset(), is_endless=True, signal_codes=_RUN_CODES,
             reload_signals=frozenset({signal.SIGHUP})),
    Scenario("probe", ("probe",), _SERVERS_DOWN),
    Scenario("trace", ("trace", "fra1", "--max-hops", "2", "--timeout", "0.5"), frozenset({0, 2, 3})),
    Scenario("import", ("import", "{home}/fra1.conf"), frozenset({0}), find_remains=_half_import),
    Scenario("subscriptions", ("subscriptions", "lists"), frozenset({3})),
    Scenario("keygen", ("keygen", "here"), frozenset({0}), find_remains=_half_import),
    Scenario("add", ("add", "new1", "127.0.0.1:9", _KEY, "--wait", "2s"), _SERVERS_DOWN,
             find_remains=_half_import),
    Scenario("list", ("list",), frozenset({0}), has_history=True),
    Scenario("show", ("show", "fra1"), frozenset({0}), has_history=True),
    Scenario("expiry", ("expiry",), frozenset({0}), has_history=True),
    Scenario("nodes", ("nodes",), frozenset({0}), has_history=True),
    Scenario("remove", ("remove", "fra1", "--yes"), frozenset({0})),
    Scenario("pause", ("pause", "fra1", "--for", "2h"), frozenset({0}), has_history=True),
    Scenario("resume", ("resume", "fra1"), frozenset({0}), has_history=True),
    Scenario("doctor", ("doctor",), frozenset({0, 1, 2})),
    Scenario("inspect", ("inspect", "fra1"), frozenset({2, 3}), has_history=True),
    Scenario("export", ("export", "checks", "--output", "{home}/out.json"), frozenset({0}), has_history=True,
             find_remains=_half_export),
    Scenario("alert test", ("alert", "test", "page"), frozenset({0})),
    Scenario("alert log", ("alert", "log"), frozenset({0}), has_history=True),
    Scenario("config", ("config", "--template"), frozenset({0})),
    Scenario("completion", ("completion", "bash"), frozenset({0})),
    Scenario("agent", ("agent", "--linger", "1s"), frozenset(), is_endless=True),
)  # fmt: skip


def commands_without_scenario() -> set[str]:
    """Commands of the parser that no scenario uses."""
    return {"dashboard", *(name for name, _ in commands_of(make_parser()))} - {
        each.command for each in SCENARIOS
    }
