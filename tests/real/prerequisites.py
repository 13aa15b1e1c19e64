"""Prerequisites of the tests against real WireGuard, and how to install them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

_PACKAGES = {
    "wireguard-go": "wireguard-go",
    "wg": "wireguard-tools",
    "ip": "iproute2",
    "nft": "nftables",
    "openvpn": "openvpn",
    "ss-server": "shadowsocks-libev",
    "v2ray": "v2ray",
    "trojan": "trojan",
    "ping": "iputils-ping",
    "tshark": "tshark",
    "tmux": "tmux",
    "bash": "bash",
    "zsh": "zsh",
    "fish": "fish",
    "man": "man-db",
    "groff": "groff-base",
    "mandoc": "mandoc",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "systemd-analyze": "systemd",
    "useradd": "passwd",
    "userdel": "passwd",
    "icinga2": "icinga2-bin",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "swanctl": "strongswan-swanctl strongswan-charon libcharon-extra-plugins libcharon-extauth-plugins",
    "prlimit": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}


def require(*programs: str, root: bool = False) -> None:
    """Skip the test if a program or permission is missing; in CI, fail."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        packages = " ".join(_PACKAGES[program] for program in missing)
        give_up(f"{', '.join(missing)} missing: apt-get install --no-install-recommends {packages}")
    if root and os.geteuid() != 0:
        give_up("namespaces and accounts need root: sudo .venv/bin/pytest")
    if "wireguard-go" in programs and not Path("/dev/net/tun").exists():
        give_up("wireguard-go needs /dev/net/tun: modprobe tun (in a container: --device /dev/net/tun)")


def give_up(reason: str) -> NoReturn:
    """Skip on a developer's machine; fail in CI, where a script installs everything."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
