"""Wireshark reads an exported exchange, and decrypts TLS with the key log in it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.real.namespaces import entered, run
from tests.real.openvpn.checking import make_openvpn_target
from tests.real.openvpn.server import ServerSetup, client_profile, running_server, wrappings
from tests.real.prerequisites import require
from wgmon_tui.lab.openvpn.certificates import LabAuthority, write_profile
from wgmon_tui.lab.openvpn.server import OpenVpnLabServer, OpenVpnLabSetup
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.output.pcapng_export import pcapng_of
from wgmon_tui.protocols.openvpn.check import OpenVpnProber
from wgmon_tui.protocols.openvpn.protocol import PROTOCOL

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


@pytest.mark.thorough
@pytest.mark.parametrize("wrapping", ["plain", "tls-auth"])
def test_wireshark_decrypts_tls_of_a_session_over_tcp(place: str, tmp_path: Path, wrapping: str) -> None:
    """With tls-auth, Wireshark must be told that each packet begins with an HMAC."""
    require("tshark")
    server_lines, client_lines = wrappings(tmp_path)[wrapping]
    setup = ServerSetup(proto="tcp", wrapping=server_lines)
    target = make_openvpn_target(client_profile(setup, wrapping=client_lines))
    secrets: list[str] = []
    prober = OpenVpnProber(note_secret=secrets.append)
    with running_server(place, tmp_path, setup), entered(place):
        found = asyncio.run(run_check_round(prober, target.server, target, CheckDepth(deep=True)))
    file = tmp_path / "session.pcapng"
    file.write_bytes(b"".join(pcapng_of([found], key_logs=PROTOCOL.make_key_logs(target, secrets))))

    has_hmac = "TRUE" if wrapping == "tls-auth" else "FALSE"
    reading = ("-r", str(file), "-d", "tcp.port==1194,openvpn", "-o", f"openvpn.tls_auth:{has_hmac}")
    shown = run("tshark", *reading)

    assert "P_CONTROL_HARD_RESET_SERVER_V2" in shown
    assert "Malformed" not in shown
    assert "Certificate Verify, Finished" in shown, shown
