"""The systemd unit for `wgmon-tui run`, for one's own account or for the whole machine, hardened.

Not PrivateUsers: it would hide from the control socket who is at its other end. A user's own manager cannot
make mount namespaces on every distribution, so that unit has only what works without them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

NAME = "wgmon-tui.service"

SYSTEM_CONFIG = Path("/etc/wgmon-tui")
SYSTEM_STATE = Path("/var/lib/wgmon-tui")

_USER = """\
# To install it, type:
#   mkdir -p ~/.config/systemd/user && {this} > ~/.config/systemd/user/{name}
#   systemctl --user daemon-reload && systemctl --user enable --now wgmon-tui
# To keep it running when you are logged out: sudo loginctl enable-linger $USER
[Unit]
Description=wgmon-tui: performs the WireGuard handshake with each server, and keeps the history
After=network.target

[Service]
{service}
UMask=0077

# No sandbox that needs a mount namespace: not every user manager may make one.
{process}

[Install]
WantedBy=default.target
"""

_SYSTEM = """\
# To install it, type:
#   sudo useradd --system --user-group --home-dir {state} --shell /usr/sbin/nologin wgmon-tui \\
#     ; sudo install -d -m 0750 -o wgmon-tui -g wgmon-tui {config} \\
#     && {this} | sudo tee /etc/systemd/system/{name}
#   sudo systemctl daemon-reload && sudo systemctl enable --now wgmon-tui
# servers.toml and the keys belong to the account wgmon-tui, and it alone reads them:
#   sudo -u wgmon-tui {program} --config {config} --state {state} keygen NAME
# Who may look, ask for checks and acknowledge: sudo usermod -aG wgmon-tui LOGIN; they log in again and type
#   wgmon-tui --config {config} --state {state}
[Unit]
Description=wgmon-tui: performs the WireGuard handshake with each server, and keeps the history
After=network.target nss-lookup.target

[Service]
{service}
User=wgmon-tui
Group=wgmon-tui
# The group may enter the state directory; files in it get the group, and no rights beyond reading.
StateDirectory=wgmon-tui
StateDirectoryMode=2750
UMask=0027
# A key that only systemd can read, for private_key_credential = "bastion.key" in servers.toml:
#LoadCredential=bastion.key:/etc/credstore/bastion.key

ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
RemoveIPC=yes
CapabilityBoundingSet=
AmbientCapabilities=
DevicePolicy=closed
{process}

[Install]
WantedBy=multi-user.target
"""

_SERVICE = """\
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
# 64: the configuration cannot stand. 75: another wgmon-tui of this account writes: try again until it ends.
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=64
WatchdogSec=30
TimeoutStopSec=20"""

_PROCESS = """\
# These hold for the commands of servers.toml too (private_key_command, inspect): one that needs sudo, or
# makes code as it runs, needs NoNewPrivileges or MemoryDenyWriteExecute off.
NoNewPrivileges=yes
MemoryDenyWriteExecute=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM"""


def user_unit(program: Sequence[str], config_dir: Path, state_dir: Path, options: Sequence[str] = ()) -> str:
    """The unit for the account that prints it. `program` is how this program was started, `options` stand
    behind `run`.
    """
    return _USER.format(
        this=shlex.join((*program, "run", *options, "--print-unit")),
        name=NAME,
        service=_service_section(program, config_dir, state_dir, options),
        process=_PROCESS,
    )


def system_unit(program: Sequence[str], options: Sequence[str] = ()) -> str:
    """The unit for a dedicated account; its group may look."""
    return _SYSTEM.format(
        this=shlex.join((*program, "run", *options, "--print-unit", "--system")),
        program=shlex.join(program),
        name=NAME,
        config=SYSTEM_CONFIG,
        state=SYSTEM_STATE,
        service=_service_section(program, SYSTEM_CONFIG, SYSTEM_STATE, options),
        process=_PROCESS,
    )


def own_command() -> tuple[str, ...]:
    """How this program was started, in words that work from anywhere."""
    script = Path(sys.argv[0])
    if script.name == "__main__.py":
        return (sys.executable, "-m", "wgmon_tui")
    return (os.path.abspath(shutil.which(sys.argv[0]) or script),)  # noqa: PTH100  resolve() would follow links


def is_in_home_directory(program: Sequence[str]) -> bool:
    """Whether a service that may not see home directories would not find the program."""
    return Path(program[0]).is_relative_to("/home") or Path(program[0]).is_relative_to("/root")


def _service_section(
    program: Sequence[str], config_dir: Path, state_dir: Path, options: Sequence[str]
) -> str:
    words = (*program, "--config", str(config_dir), "--state", str(state_dir), "run", *options)
    return _SERVICE.format(command=" ".join(map(_quote, words)))


def _quote(text: str) -> str:
    """A word of a command line as systemd reads it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return (
        escaped if escaped == text and text.isascii() and not any(map(str.isspace, text)) else f'"{escaped}"'
    )
