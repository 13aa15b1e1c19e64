"""Mutated configuration files, of every kind that wgmon-tui reads: `python -m tests.harm.mutations [COUNT]`.

Each file is read as the program reads it. It is accepted, or refused on one printable line without a secret.
Any other exception breaks the promise. Every `_WHOLE_PROGRAM`th file goes through the program itself.
"""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.config.imports.conf_samples import mutate
from tests.config.sample_fleets import OTHER_SERVER_KEY, OWN_KEY, SERVER_KEY
from wgmon_tui.config.config_toml import read_config
from wgmon_tui.config.imports.conf_reading import read_confs
from wgmon_tui.config.imports.wg_quick_import import preview
from wgmon_tui.config.models import ConfigurationError, Fleet
from wgmon_tui.config.servers_file import read

USUAL_COUNT = 20_000
_WHOLE_PROGRAM = 1_000
_REPORTED_FAILURES = 5
_BAD_CONFIGURATION = 64

SECRET = OWN_KEY.to_text()
_SECRET_PART = SECRET[:32]

_SERVERS = f"""
[defaults]
identity = "bastion"
interval = "10s"
tunnel_ping = ["10.8.0.1"]

[[identity]]
name = "bastion"
private_key = "{SECRET}"
addresses = ["10.8.0.250/32", "fd00::250/128"]

[[server]]
name = "fra1"
endpoint = "fra1.example.net:51820"
public_key = "{SERVER_KEY}"
known_keys = ["{OTHER_SERVER_KEY}"]
preshared_key_file = "fra1.psk"
tunnel_dns = ["www.example.net@10.8.0.1"]
tunnel_tcp = ["10.8.0.1:443"]
tunnel_http = ["https://www.example.net/ status=401 text=sign in"]
tags = ["eu", "edge"]
note = "rack 4"

[[server]]
name = "ams1"
endpoint = "[2001:db8::1]:51820"
public_key = "{OTHER_SERVER_KEY}"
slow = "300ms"
fail_after = 3
fail_window = 5
paused = true
"""
_CONFIG = """
witness = "192.0.2.53"

[history]
raw = "1d"
hours = "365d"
exchanges_per_incident = 5

[viewer]
take_over = true

[filters]
oncall = "state:down !is:muted"

[columns]
fleet = ["state", "name", "rtt"]

[keys]
quit = "f10"
"""
_ALERTING = f"""
quorum = 2

[[vantage]]
name = "fra"
host = "probe@fra1.example.net"
tags = ["eu"]

[[vantage]]
name = "nyc"
command = ["ssh", "nyc", "wgmon-tui", "agent"]

[[sink]]
name = "pager"
type = "webhook"
url = "https://example.net/{SECRET}"

[[sink]]
name = "post"
type = "email"
host = "mail.example.net"
from = "wgmon@example.net"
to = ["noc@example.net"]

[[rule]]
sinks = ["pager", "post"]
tags = ["eu"]

[[maintenance]]
name = "move"
from = 2026-11-22T22:00:00Z
until = 2026-11-23T02:00:00Z
servers = ["fra1"]
"""
_CONF = f"""
[Interface]
PrivateKey = {SECRET}
Address = 10.8.0.250/32, fd00::250/128
DNS = 10.8.0.1
PostUp = ip route add 10.9.0.0/16 dev %i

[Peer]
# friendly_name = Frankfurt 1
PublicKey = {SERVER_KEY}
PresharedKey = {SECRET}
Endpoint = fra1.example.net:51820
AllowedIPs = 0.0.0.0/0, ::/0

### begin ams1 ###
[Peer]
PublicKey = {OTHER_SERVER_KEY}
Endpoint = [2001:db8::1]:51820
PersistentKeepalive = 25
### end ams1 ###
"""
_NETDEV = f"""
[NetDev]
Name=wg0
Kind=wireguard

[WireGuard]
PrivateKey={SECRET}

[WireGuardPeer]
PublicKey={SERVER_KEY}
Endpoint=fra1.example.net:51820
"""


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eu/fra1.conf", _CONF)
        archive.writestr("eu/notes.txt", "none")
        archive.writestr(zipfile.ZipInfo("../../etc/passwd.conf"), _CONF)
    return packed.getvalue()


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, a whole one, how to read it, and the command that reads it.

    `lines` writes the data below a directory, and returns the lines on it; it raises ConfigurationError.
    """

    name: str
    whole: bytes
    lines: Callable[[Path, str], list[str]]
    command: tuple[str, ...]


def _server_lines(directory: Path, name: str) -> list[str]:
    read(directory)
    return []


def _config_lines(directory: Path, name: str) -> list[str]:
    read_config(directory)
    return []


def _import_lines(directory: Path, name: str) -> list[str]:
    found = preview(read_confs([directory / name]), directory, Fleet(), {})
    return [*found.notices, *found.faults]


_PROBE = ("probe", "--config", ".", "--state", "state", "none")
_IMPORT = ("import", "--config", "new", "--state", "state")
KINDS = (
    Kind("servers.toml", _SERVERS.encode(), _server_lines, _PROBE),
    Kind("config.toml", _CONFIG.encode(), _config_lines, ("alert", "--config", ".", "list")),
    Kind("config.toml (alerting, vantages)", _ALERTING.encode(), _config_lines, _PROBE),
    Kind("wg0.conf", _CONF.encode(), _import_lines, (*_IMPORT, "wg0.conf")),
    Kind("wg0.netdev", _NETDEV.encode(), _import_lines, (*_IMPORT, "wg0.netdev")),
    Kind("confs.zip", _zip(), _import_lines, (*_IMPORT, "confs.zip")),
)


@dataclass
class Outcome:
    """What became of the mutations of one kind. `broken` are promises that did not hold."""

    counts: Counter[str]
    broken: list[str]


def mutate_kind(kind: Kind, count: int, seed: int, directory: Path, *, with_program: bool = False) -> Outcome:
    """Read so many mutations of one kind."""
    chance = random.Random(f"{kind.name} {seed}")
    outcome = Outcome(Counter(), [])
    path = directory / kind.name.partition(" ")[0]
    for number in range(count):
        data = mutate(chance, kind.whole)
        path.write_bytes(data)
        path.chmod(0o600)
        where = f"{kind.name} {seed}:{number}"
        try:
            lines = kind.lines(directory, path.name)
            outcome.counts["with remarks" if lines else "accepted"] += 1
        except ConfigurationError as error:
            lines = [str(error)]
            outcome.counts["refused"] += 1
        except Exception as error:  # noqa: BLE001  this is what must not happen
            outcome.broken.append(f"{where}: {error!r}")
            continue
        for line in lines:
            if not line.isprintable() or _SECRET_PART in line:
                outcome.broken.append(f"{where}: {line!a}")
        if with_program and number % _WHOLE_PROGRAM == 0:
            outcome.broken += _program_faults(kind, directory, where)
            outcome.counts["through the program"] += 1
    path.unlink()
    return outcome


def _program_faults(kind: Kind, directory: Path, where: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "wgmon_tui", *kind.command],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(directory)},
        capture_output=True,
        check=False,
        timeout=120,
    )
    said = (done.stdout + done.stderr).decode(errors="replace")
    if "Traceback" in said or _SECRET_PART in said or done.returncode not in (0, _BAD_CONFIGURATION):
        return [f"{where}: exit code {done.returncode}: {said[-400:]!r}"]
    return []


def main() -> int:
    """Print a line for each kind; the exit code shows whether the promise holds."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else USUAL_COUNT
    seed = random.randrange(1 << 32)
    broken: list[str] = []
    print(f"{count:,} mutations of each file, seed {seed}", flush=True)
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as directory:
            outcome = mutate_kind(kind, count, seed, Path(directory), with_program=True)
        figures = ", ".join(f"{number:,} {what}" for what, number in sorted(outcome.counts.items()))
        print(f"{kind.name}: {figures}; broken promises: {len(outcome.broken)}", flush=True)
        broken += outcome.broken
    for each in broken[:_REPORTED_FAILURES]:
        print(each)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
