"""A preshared key that is rewritten on disk, with `wgmon-tui run` beside a real server."""

from __future__ import annotations

import time
from pathlib import Path

from tests.daemon.harness import PATIENCE_S, query_rows, running
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.config.secrets.private_files import create_private

PSK, OTHER_PSK = (PresharedKey(bytes([number]) * 32) for number in (1, 2))
SECONDS = 30.0
"""How long a rewrite may take to count. The next check is one second later, on a machine that is not busy."""


def write_config(config: Path, server: WireguardGo, key: PrivateKey) -> None:
    host, port = server.endpoint(4)
    config.mkdir()
    create_private(config / "cli.key", key.to_text())
    create_private(config / "office.psk", OTHER_PSK.to_text())
    (config / "servers.toml").write_text(
        '[[identity]]\nname = "cli"\nprivate_key_file = "cli.key"\n'
        f'[[server]]\nname = "office"\nendpoint = "{host}:{port}"\ninterval = "1s"\ntunnel = false\n'
        f'slow = "5s"\npublic_key = "{server.public_key}"\npreshared_key_file = "office.psk"\n'
    )


def last_verdict(state: Path) -> object:
    rows = query_rows(state, "SELECT verdict FROM checks WHERE verdict IS NOT NULL ORDER BY id DESC LIMIT 1")
    return rows[0][0] if rows else None


def wait_for(state: Path, verdict: str, seconds: float = PATIENCE_S) -> None:
    began = time.monotonic()
    while (found := last_verdict(state)) != verdict:
        assert time.monotonic() - began < seconds, found
        time.sleep(0.05)


def test_a_rewritten_preshared_key_ends_psk_mismatch_within_seconds(
    tmp_path: Path, wireguard_go: WireguardGo
) -> None:
    config, state = tmp_path / "config", tmp_path / "state"
    write_config(config, wireguard_go, wireguard_go.new_peer(PSK))
    with wireguard_go.vantage(), running(config, state):
        wait_for(state, "psk-mismatch")
        (config / "office.psk").write_text(PSK.to_text())
        wait_for(state, "healthy", SECONDS)
