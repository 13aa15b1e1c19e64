from __future__ import annotations

from pathlib import Path

import pytest

from tests.protocols.openvpn.profile_directories import write_files
from tests.protocols.openvpn.profile_texts import STAND_IN_KEY, inline, profile, static_key
from wgmon_tui.checks.protocol import Targets
from wgmon_tui.checks.registry import find_settings
from wgmon_tui.config.models import ConfigurationError, Fleet, SecretForm, SecretSource
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_toml import parse, render
from wgmon_tui.protocols.openvpn.profile import Credentials, RemoteProto
from wgmon_tui.protocols.openvpn.settings import SETTINGS, OpenVpnSettings
from wgmon_tui.protocols.openvpn.targets import OpenVpnTarget, join_servers
from wgmon_tui.store.formats.server_entry import server_from_entry, server_to_entry
from wgmon_tui.vantages.agent.assignment import assign

SERVER = '[[server]]\nname = "fra1"\nprotocol = "openvpn"\nendpoint = "vpn.example.net:1194"\n'


def fleet(own: str = 'profile = "client.ovpn"', more: str = "") -> Fleet:
    return parse(f"{SERVER}{more}\n[server.openvpn]\n{own}\n")


def joined(read: Fleet, directory: Path) -> Targets:
    keyring = open_keyring(read, directory)
    ready = [each for each in read.servers if each.name not in keyring.problems]
    found = join_servers(ready, keyring)
    return Targets(found.ready, {**keyring.problems, **found.problems})


def target(read: Fleet, directory: Path) -> OpenVpnTarget:
    found = joined(read, directory)
    assert not found.problems
    made = found.ready["fra1"]
    assert isinstance(made, OpenVpnTarget)
    return made


def test_the_registry_finds_the_settings() -> None:
    assert find_settings("openvpn") is SETTINGS


def test_a_bare_profile_is_the_path_of_a_file() -> None:
    (server,) = fleet().servers
    assert server.protocol_settings == OpenVpnSettings(SecretSource(SecretForm.FILE, "client.ovpn"))


@pytest.mark.parametrize(
    "own",
    [
        'profile = "client.ovpn"',
        'profile_command = ["pass", "show", "vpn"]\ndedicated = true',
        'profile_env = "PROFILE"\nproto = "tcp"\nusername = "ada"\npassword_file = "pw"',
        'profile_credential = "profile"\nkey_password_env = "KEY"\nchallenge_response = "1"',
        'profile = """\nclient\nremote a\n"""',
    ],
)
def test_what_is_written_is_read_again(own: str) -> None:
    read = fleet(own, 'tunnel_ping = ["10.8.0.1"]\ntunnel_every = "5m"\nexplain = false')
    assert parse(render(read)) == read


def test_a_server_without_a_profile_is_a_problem_of_this_server(tmp_path: Path) -> None:
    assert joined(parse(SERVER), tmp_path).problems == {
        "fra1": 'servers.toml: server "fra1": key openvpn.profile: missing; '
        'name the file of the client, such as profile = "client.ovpn"'
    }


def test_a_vantage_checks_with_its_own_profile_and_its_own_word_that_it_is_dedicated(tmp_path: Path) -> None:
    write_files(tmp_path, profile())
    writer = fleet('profile = "elsewhere.ovpn"\ndedicated = true\nusername = "ada"').servers[0]
    sent = server_from_entry("fra1", server_to_entry(writer))
    assert sent is not None
    own = fleet()
    assigned = assign([sent], tmp_path)
    assert "fra1" in assigned.targets.problems  # no profile here yet
    (tmp_path / "servers.toml").write_text(render(own))
    (tmp_path / "servers.toml").chmod(0o600)
    ready = assign([sent], tmp_path).targets.ready["fra1"]
    assert isinstance(ready, OpenVpnTarget)
    assert not ready.may_log_in
    assert ready.credentials is None


def test_keys_of_wireguard_are_refused() -> None:
    with pytest.raises(
        ConfigurationError, match='key identity: servers with protocol = "openvpn" do not have it'
    ):
        fleet(more='identity = "x"')


def test_a_target_has_the_remote_of_the_endpoint(tmp_path: Path) -> None:
    remotes = (
        "remote other.example.net 443 tcp\nremote vpn.example.net 1194 udp\nremote vpn.example.net 1194 tcp"
    )
    write_files(tmp_path, profile(remote=remotes))
    assert target(fleet(), tmp_path).remote.transport is RemoteProto.UDP
    named = fleet('profile = "client.ovpn"\nproto = "tcp"')
    assert target(named, tmp_path).remote.transport is RemoteProto.TCP
    assert not target(fleet(), tmp_path).may_log_in


def test_an_endpoint_that_the_profile_does_not_have_is_a_problem(tmp_path: Path) -> None:
    write_files(tmp_path, profile(remote="remote other.example.net 443 tcp"))
    assert joined(fleet(), tmp_path).problems == {
        "fra1": 'servers.toml: server "fra1": key endpoint: the profile has no remote vpn.example.net:1194; '
        "it has other.example.net:443 (tcp)"
    }


def test_a_digest_that_python_lacks_is_a_problem_of_the_profile(tmp_path: Path) -> None:
    own = "auth WHIRLPOOL\n" + inline("tls-auth", static_key())
    write_files(tmp_path, profile(own))
    assert joined(fleet(), tmp_path).problems == {
        "fra1": 'servers.toml: server "fra1": auth WHIRLPOOL: '
        "wgmon-tui does not have this digest for tls-auth"
    }


def test_a_bad_profile_excludes_its_server_only(tmp_path: Path) -> None:
    write_files(tmp_path, profile())
    (tmp_path / "bad.ovpn").write_text("remote\n")
    (tmp_path / "bad.ovpn").chmod(0o600)
    two = (
        f'{SERVER}[server.openvpn]\nprofile = "client.ovpn"\n{SERVER}[server.openvpn]\nprofile = "bad.ovpn"\n'
    )
    found = joined(parse(two.replace("fra1", "fra2", 1)), tmp_path)
    assert set(found.ready) == {"fra2"}
    assert found.problems == {
        "fra1": 'servers.toml: server "fra1": key openvpn.profile_file: bad.ovpn: line 1: remote: '
        "expected a host; write: remote vpn.example.net 1194"
    }


def test_a_profile_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (problem,) = joined(fleet(), tmp_path).problems.values()
    assert problem == (
        f'servers.toml: server "fra1": key openvpn.profile_file: there is no file {tmp_path}/client.ovpn; '
        "correct the path"
    )


def test_a_profile_that_others_can_read_is_a_problem(tmp_path: Path) -> None:
    write_files(tmp_path, profile()).chmod(0o644)
    (problem,) = joined(fleet(), tmp_path).problems.values()
    assert "key openvpn.profile_file: others can read" in problem


def test_credentials_of_the_settings_win_over_those_of_the_profile(tmp_path: Path) -> None:
    write_files(tmp_path, profile(inline("auth-user-pass", "ada\nold")))
    assert target(fleet(), tmp_path).credentials == Credentials("ada", "old")
    named = fleet('profile = "client.ovpn"\npassword = "new"')
    assert target(named, tmp_path).credentials == Credentials("ada", "new")


def test_neither_repr_nor_digest_shows_a_secret(tmp_path: Path) -> None:
    write_files(tmp_path, profile(inline("auth-user-pass", "ada\nenigma")))
    made = target(fleet(), tmp_path)
    for shown in (repr(made), *made.digest_parts):
        assert "enigma" not in shown
        assert STAND_IN_KEY.splitlines()[1] not in shown


def test_another_profile_gives_another_digest(tmp_path: Path) -> None:
    write_files(tmp_path, profile())
    before = target(fleet(), tmp_path)
    write_files(tmp_path, profile("tun-mtu 1400"))
    after = target(fleet(), tmp_path)
    assert before.digest_parts != after.digest_parts
    assert before.agreed_values != after.agreed_values


def test_a_missing_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, profile())
    monkeypatch.setattr("wgmon_tui.protocols.openvpn.targets.find_spec", lambda _: None)
    assert joined(fleet(), tmp_path).problems == {
        "fra1": 'servers.toml: server "fra1": OpenVPN needs the package cryptography; '
        'type: pip install "wgmon-tui[vpn]"'
    }
