"""A fleet of WireGuard loads no other protocol, and none of the packages that only others need."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

_CHECK = """\
import json, sys
from wgmon_tui.cli.main import main
for words in (["probe", "--quick", "--json"], ["list"]):
    try:
        main([*words, "--config", {config!r}, "--state", {state!r}])
    except SystemExit:
        pass
import wgmon_tui.daemon.writer_assembly, wgmon_tui.tui.app
print(json.dumps(sorted(sys.modules)))
"""
_SERVERS = """\
[[identity]]
name = "here"
private_key = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICEg="

[[server]]
name = "fra1"
endpoint = "127.0.0.1:9"
public_key = "fWzH4sXODKQ3XS8dwUZ5zieZyqRaQPMUgun6tOu5pX8="
timeout = "200ms"
"""
_PACKAGES = ("cryptography", "blake3", "h11")


async def test_a_fleet_of_wireguard_loads_no_other_protocol(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text(_SERVERS)
    (tmp_path / "servers.toml").chmod(0o600)
    code = _CHECK.format(config=str(tmp_path), state=str(tmp_path / "state"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    out, errors = await process.communicate()
    loaded: list[str] = json.loads(out.decode().splitlines()[-1])
    assert "wgmon_tui.protocols.wireguard.prober" in loaded, errors.decode()
    of_protocols = (name for name in loaded if name.startswith("wgmon_tui.protocols."))
    foreign = [name for name in of_protocols if name.split(".")[2] != "wireguard"]
    assert foreign == []
    assert [name for name in loaded if name.split(".")[0] in _PACKAGES] == []
