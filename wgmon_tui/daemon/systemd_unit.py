"""Hardened systemd units for `wgmon-tui run`: one for a user account, one for the whole machine.

PrivateUsers is off: it would hide the peer's account from the control socket. A user manager cannot create
mount namespaces on every distribution, so the user unit has only options that work without them.
"""

from __future__ import annotations

import shlex
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
Description=wgmon-tui: monitors WireGuard servers by the real handshake
After=network.target

[Service]
{service}
UMask=0077

# No option that needs a mount namespace: not every user manager can create one.
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
# servers.toml and the keys belong to the account wgmon-tui, and only it can read them:
#   sudo -u wgmon-tui {program} --config {config} --state {state} keygen NAME
# To let another account view, request checks and acknowledge incidents, type:
#   sudo usermod -aG wgmon-tui LOGIN
# That account logs in again and types:
#   wgmon-tui --config {config} --state {state}
[Unit]
Description=wgmon-tui: monitors WireGuard servers by the real handshake
After=network.target nss-lookup.target

[Service]
{service}
User=wgmon-tui
Group=wgmon-tui
# The group can enter the state directory. Files in it belong to the group, which can only read them.
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
# 64: invalid configuration. 75: another wgmon-tui holds the writer lock; systemd retries until it ends.
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=64
WatchdogSec=30
TimeoutStopSec=20"""

_PROCESS = """\
# These also apply to the commands in servers.toml (private_key_command, inspect). A command that needs sudo
# needs NoNewPrivileges off; one that generates code at run time needs MemoryDenyWriteExecute off.
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
    """The unit for the current account.

    `program` is the command that started wgmon-tui; `options` are appended after `run`.
    """
    return _USER.format(
        this=shlex.join((*program, "run", *options, "--print-unit")),
        name=NAME,
        service=_service_section(program, config_dir, state_dir, options),
        process=_PROCESS,
    )


def system_unit(program: Sequence[str], options: Sequence[str] = ()) -> str:
    """The unit for a dedicated account, whose group may run viewers."""
    return _SYSTEM.format(
        this=shlex.join((*program, "run", *options, "--print-unit", "--system")),
        program=shlex.join(program),
        name=NAME,
        config=SYSTEM_CONFIG,
        state=SYSTEM_STATE,
        service=_service_section(program, SYSTEM_CONFIG, SYSTEM_STATE, options),
        process=_PROCESS,
    )


def is_in_home_directory(program: Sequence[str]) -> bool:
    """Whether the program is in a home directory, where a service with ProtectHome cannot find it."""
    return Path(program[0]).is_relative_to("/home") or Path(program[0]).is_relative_to("/root")


def _service_section(
    program: Sequence[str], config_dir: Path, state_dir: Path, options: Sequence[str]
) -> str:
    words = (*program, "--config", str(config_dir), "--state", str(state_dir), "run", *options)
    return _SERVICE.format(command=" ".join(map(_quote, words)))


def _quote(text: str) -> str:
    """Quote one argument for systemd's ExecStart."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return (
        escaped if escaped == text and text.isascii() and not any(map(str.isspace, text)) else f'"{escaped}"'
    )
