"""AmneziaWG servers of servers.toml, joined with their secrets."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path

import pytest

from tests.config.sample_fleets import OTHER_SERVER_KEY, OWN_KEY, SERVER_KEY
from tests.protocols.amneziawg.profiles import PROTECTION_KEY
from wgmon_tui.checks.protocol import Targets
from wgmon_tui.checks.targets import join
from wgmon_tui.config.keys import PresharedKey
from wgmon_tui.config.new_server import describe_server
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.wireguard.framing import PLAIN
from wgmon_tui.protocols.wireguard.targets import Target

KEY = PresharedKey(PROTECTION_KEY)

FLEET = f"""
[[identity]]
name = "bastion"
private_key = "{OWN_KEY.to_text()}"

[[server]]
name = "awg1"
protocol = "amneziawg"
endpoint = "192.0.2.1:51820"
public_key = "{SERVER_KEY}"

[server.amneziawg]
jc = 3
jmax = 50
s1 = 30
s2 = 40
s3 = 20
s4 = 16
h1 = "1000-2000"
header_protection_key = "{KEY.to_text()}"

[[server]]
name = "plain1"
endpoint = "192.0.2.2:51820"
public_key = "{OTHER_SERVER_KEY}"
"""


def joined(text: str, config_dir: Path) -> Targets:
    fleet = parse(text)
    return join(fleet, open_keyring(fleet, config_dir))


def target(targets: Targets, name: str) -> Target:
    found = targets.ready[name]
    assert isinstance(found, Target)
    return found


def test_a_target_has_the_framing_of_its_table(tmp_path: Path) -> None:
    targets = joined(FLEET, tmp_path)
    framing = target(targets, "awg1").framing
    assert isinstance(framing, AmneziaFraming)
    assert (framing.parameters.prefixes, framing.protection_key) == ((30, 40, 20, 16), PROTECTION_KEY)
    assert target(targets, "plain1").framing is PLAIN


def test_silent_servers_try_the_framings_of_the_others(tmp_path: Path) -> None:
    targets = joined(FLEET, tmp_path)
    assert target(targets, "awg1").trials.on_silence()[0].framing is PLAIN
    [trial] = target(targets, "plain1").trials.on_silence()
    assert isinstance(trial.framing, AmneziaFraming)
    assert trial.evidence.values == ("awg1",)


def test_another_process_must_have_the_same_key_of_header_protection(tmp_path: Path) -> None:
    other = FLEET.replace(KEY.to_text(), PresharedKey(bytes(32)).to_text())
    parts = [target(joined(text, tmp_path), "awg1").digest_parts for text in (FLEET, other)]
    assert parts[0] != parts[1]
    assert PROTECTION_KEY.hex() not in repr(parts)


def test_a_secret_that_cannot_be_read_excludes_its_server_alone(tmp_path: Path) -> None:
    text = FLEET.replace(f'header_protection_key = "{KEY.to_text()}"', 'header_protection_key_file = "none"')
    targets = joined(text, tmp_path)
    assert list(targets.ready) == ["plain1"]
    assert 'server "awg1": key amneziawg.header_protection_key_file' in targets.problems["awg1"]


def test_the_extra_is_asked_for_by_name_where_header_protection_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_cryptography(name: str, *arguments: object, **keywords: object) -> object:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return real(name, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.delitem(sys.modules, "wgmon_tui.protocols.amneziawg.chacha20", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_cryptography)
    targets = joined(FLEET, tmp_path)
    assert 'pip install "wgmon-tui[amneziawg]"' in targets.problems["awg1"]
    unprotected = FLEET.replace(f'header_protection_key = "{KEY.to_text()}"', "")
    assert sorted(joined(unprotected, tmp_path).ready) == ["awg1", "plain1"]


def test_the_line_for_the_server_names_the_program_of_amneziawg(tmp_path: Path) -> None:
    fleet = parse(FLEET)
    commands = [describe_server(fleet, server, tmp_path).peer_command() for server in fleet.servers]
    begins = ["awg set wg0", "wg set wg0"]
    assert [each.line.split(" peer ")[0] for each in commands] == begins
    assert [each.removal_line.split(" peer ")[0] for each in commands] == begins
