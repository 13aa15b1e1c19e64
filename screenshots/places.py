"""Two more places from which the demo's servers are checked: real agents, on this machine and without SSH."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_interface
from pathlib import Path
from tempfile import TemporaryDirectory

from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource
from wgmon_tui.config.servers_file import update
from wgmon_tui.lab.demo_fleet import DemoVantage
from wgmon_tui.net.addresses import Interface
from wgmon_tui.net.peer_credentials import read_peer_credentials
from wgmon_tui.vantages.agent.runtime_dir import connect

_LINGER = "60s"


@dataclass(frozen=True, slots=True)
class ScreenshotVantage:
    """A vantage of the pictures. The servers let it in, but for those that its key is `unknown_to`."""

    name: str
    key: PrivateKey
    addresses: tuple[Interface, ...]
    unknown_to: tuple[str, ...] = ()

    @property
    def demo_vantage(self) -> DemoVantage:
        """What the demo's servers know of it."""
        return DemoVantage(self.key.public, self.addresses, self.unknown_to)


def places() -> tuple[ScreenshotVantage, ...]:
    """With new keys."""
    return (
        ScreenshotVantage(
            "fra", PrivateKey.generate(), (ip_interface("10.8.0.251/32"), ip_interface("fd00::251/128"))
        ),
        ScreenshotVantage(
            "nyc",
            PrivateKey.generate(),
            (ip_interface("10.8.0.252/32"), ip_interface("fd00::252/128")),
            unknown_to=("ams3-gw",),
        ),
    )


@contextmanager
def configured_vantages(config: Path, vantages: Sequence[ScreenshotVantage], fleet: Fleet) -> Iterator[None]:
    """The places stand in config.toml for as long as this lasts; then no agent is left."""
    with TemporaryDirectory() as there:
        try:
            with (config / "config.toml").open("w", encoding="utf-8") as file:
                for place in vantages:
                    words = _prepare_agent(Path(there) / place.name, place, fleet)
                    quoted = ", ".join(f"'{word}'" for word in words)
                    file.write(f'[[vantage]]\nname = "{place.name}"\ncommand = [{quoted}]\n\n')
            yield
        finally:
            for place in vantages:
                _kill_agent(Path(there) / place.name / "state")


def _prepare_agent(directory: Path, place: ScreenshotVantage, fleet: Fleet) -> tuple[str, ...]:
    """Give the place its identity, and the preshared keys, which no line carries; how its agent starts."""
    config, state = directory / "config", directory / "state"
    config.mkdir(parents=True)
    identity = Identity(place.name, SecretSource(SecretForm.INLINE, place.key.to_text()), place.addresses)
    keyed = (server for server in fleet.servers if server.preshared_key)
    servers = tuple(replace(server, identity=place.name, try_identities=False) for server in keyed)
    update(config, lambda _: Fleet(servers, (identity,)))
    where = ("--config", str(config), "--state", str(state))
    return (sys.executable, "-m", "wgmon_tui", "agent", *where, "--linger", _LINGER)


def _kill_agent(state: Path) -> None:
    """It outlives its line; come back when it has ended, and writes nothing more."""
    with suppress(OSError), connect(state) as keeper:
        os.kill(read_peer_credentials(keeper).pid, signal.SIGKILL)
        while keeper.recv(1):
            pass
