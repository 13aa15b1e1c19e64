"""Wireshark reads an exported exchange, and decrypts TLS with the key log in it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.real.namespaces import run
from tests.real.prerequisites import require
from wgmon_tui.lab.openvpn.certificates import LabAuthority, write_profile
from wgmon_tui.lab.openvpn.server import OpenVpnLabServer, OpenVpnLabSetup

pytestmark = pytest.mark.real


async def export(config: Path, state: Path, file: Path) -> None:
    words = ("export", "exchange", "lab", "--format", "pcapng", "--with-keys", "--yes-show-keys")
    places = ("--config", str(config), "--state", str(state), "--output", str(file))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "wgmon_tui", *words, *places, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


async def test_wireshark_reads_the_packets_and_decrypts_tls(tmp_path: Path) -> None:
    require("tshark")
    authority, file = LabAuthority(), tmp_path / "lab.pcapng"
    async with OpenVpnLabServer(OpenVpnLabSetup(authority)) as server:
        port = server.endpoint.port
        client = authority.issue_client("monitor")
        entry = f'[[server]]\nname = "lab"\nprotocol = "openvpn"\nendpoint = "{server.endpoint}"\n'
        own = '[server.openvpn]\nprofile = "lab.ovpn"\ndedicated = true\n'
        profile = write_profile(server.endpoint, authority, client)
        for name, text in (("lab.ovpn", profile), ("servers.toml", entry + own)):
            (tmp_path / name).touch(0o600)
            (tmp_path / name).write_text(text)
        await export(tmp_path, tmp_path / "state", file)
    shown = run("tshark", "-r", str(file), "-d", f"udp.port=={port},openvpn")
    assert "P_CONTROL_HARD_RESET_CLIENT_V2" in shown
    assert "P_DATA_V2" in shown
    assert "Malformed" not in shown
    # Without the keys, TLS 1.3 hides the certificate.
    assert "Certificate Verify, Finished" in shown
