import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.config.sample_fleets import BASTION, OWN_KEY, server
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, SecretForm, SecretSource
from wgmon_tui.config.secrets import secret_reader
from wgmon_tui.config.secrets.keyring import open_keyring, read_private_key
from wgmon_tui.config.secrets.private_files import create_private
from wgmon_tui.config.servers_toml import parse

SECRET = OWN_KEY.to_text()
PSK = PresharedKey(b"\x07" * 32)


def identity(form: SecretForm, value: str | tuple[str, ...]) -> Identity:
    return Identity("bastion", SecretSource(form, value))


def command(script: str) -> Identity:
    return identity(SecretForm.COMMAND, ("/bin/sh", "-c", script))


def refusal(broken: Identity, config_dir: Path) -> str:
    """The problem of an identity's key, without file and key name."""
    with pytest.raises(ConfigurationError) as refused:
        read_private_key(broken, config_dir)
    line = str(refused.value)
    assert SECRET[:8] not in line
    assert line.isprintable()
    where = f'servers.toml: identity "bastion": key private_key{broken.private_key.form.value}: '
    assert line.startswith(where)
    return line.removeprefix(where)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "bastion.key"
    create_private(path, SECRET + "\n")
    return path


def test_a_relative_file_is_beside_servers_toml(key_file: Path) -> None:
    assert read_private_key(BASTION, key_file.parent) == OWN_KEY


def test_an_absolute_file_is_where_it_says(key_file: Path) -> None:
    assert read_private_key(identity(SecretForm.FILE, str(key_file)), Path("/nonexistent")) == OWN_KEY


def test_a_tilde_is_the_home_directory(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(key_file.parent))
    assert read_private_key(identity(SecretForm.FILE, "~/bastion.key"), Path("/nonexistent")) == OWN_KEY


def test_a_symbolic_link_to_a_private_file_is_followed(key_file: Path) -> None:
    (key_file.parent / "link.key").symlink_to(key_file)
    assert read_private_key(identity(SecretForm.FILE, "link.key"), key_file.parent) == OWN_KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o644])
def test_a_file_that_others_have_any_right_to_is_refused_with_the_chmod_to_type(
    key_file: Path, mode: int
) -> None:
    key_file.chmod(mode)
    assert refusal(BASTION, key_file.parent) == f"others can read {key_file}; type: chmod 600 {key_file}"


def test_the_chmod_to_type_works_for_a_path_with_spaces(tmp_path: Path) -> None:
    path = tmp_path / "my own.key"
    create_private(path, SECRET)
    path.chmod(0o644)
    said = refusal(identity(SecretForm.FILE, path.name), tmp_path)
    assert shlex.split(said.partition("type: ")[2]) == ["chmod", "600", str(path)]


def test_behind_a_symbolic_link_the_file_itself_is_judged(key_file: Path) -> None:
    (key_file.parent / "link.key").symlink_to(key_file)
    key_file.chmod(0o644)
    assert "chmod 600" in refusal(identity(SecretForm.FILE, "link.key"), key_file.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(key_file: Path) -> None:
    os.chown(key_file, 12345, 12345)
    line = refusal(BASTION, key_file.parent)
    assert line.startswith(f"{key_file} belongs to another user; type: sudo -u '#12345' ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refusal(BASTION, tmp_path) == f"there is no file {tmp_path}/bastion.key; put the secret there"


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bastion.key", 0o600)
    assert refusal(BASTION, tmp_path).endswith("is not a regular file")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bastion.key").mkdir(mode=0o700)
    assert refusal(BASTION, tmp_path).endswith("is not a regular file")


@pytest.mark.parametrize("content", [SECRET[:-2], SECRET + SECRET, "", "ü", f"{SECRET}\nlogin: ada"])
def test_a_file_that_holds_no_key_is_refused_without_repeating_it(tmp_path: Path, content: str) -> None:
    create_private(tmp_path / "bastion.key", content)
    assert refusal(BASTION, tmp_path).startswith(f"{tmp_path}/bastion.key is not a key: ")


def test_a_command_prints_the_key(tmp_path: Path) -> None:
    create_private(tmp_path / "store", SECRET + "\n")
    assert read_private_key(identity(SecretForm.COMMAND, ("cat", "store")), tmp_path) == OWN_KEY


def test_a_command_runs_without_a_shell(tmp_path: Path) -> None:
    words = (sys.executable, "-c", "import sys; print(sys.argv[1])", "$(touch seen)")
    assert "is not a key" in refusal(identity(SecretForm.COMMAND, words), tmp_path)
    assert not (tmp_path / "seen").exists()


def test_a_command_does_not_read_our_input(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    ours = os.dup(0)
    os.write(writer, f"{SECRET}\n".encode())
    os.dup2(reader, 0)
    try:
        assert "is not a key: 0 bytes" in refusal(command("read line; echo $line"), tmp_path)
    finally:
        os.dup2(ours, 0)
        for descriptor in (reader, writer, ours):
            os.close(descriptor)


def test_of_a_command_that_fails_only_the_program_and_its_exit_code_are_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = refusal(command(f"echo 'cannot decrypt {SECRET}' >&2; exit 3"), tmp_path)
    assert said == '"/bin/sh" ended with exit code 3; run it by hand to see why'
    assert capfd.readouterr() == ("", "")


def test_a_command_that_was_killed_is_told_with_its_signal(tmp_path: Path) -> None:
    assert '"/bin/sh" ended with signal 9' in refusal(command("kill -9 $$"), tmp_path)


def test_a_command_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_reader, "_COMMAND_TIMEOUT_S", 0.1)
    assert refusal(command("exec sleep 60"), tmp_path) == '"/bin/sh" did not end within 100 ms'


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = refusal(identity(SecretForm.COMMAND, ("passs", "show", "wg")), tmp_path)
    assert said == 'there is no program "passs"; install it, or give its path'


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("not executable")
    said = refusal(identity(SecretForm.COMMAND, ("./script",)), tmp_path)
    assert said == 'cannot start "./script": Permission denied'


def test_a_variable_holds_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WG_KEY", SECRET)
    assert read_private_key(identity(SecretForm.ENV, "WG_KEY"), tmp_path) == OWN_KEY


def test_a_variable_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WG_KEY", raising=False)
    said = refusal(identity(SecretForm.ENV, "WG_KEY"), tmp_path)
    assert said == "the variable WG_KEY is not set; export it before you start wgmon-tui"


def test_a_systemd_credential_holds_the_key_whatever_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wg").write_text(SECRET)
    (tmp_path / "wg").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_private_key(identity(SecretForm.CREDENTIAL, "wg"), tmp_path) == OWN_KEY


def test_outside_of_systemd_a_credential_says_what_to_put_into_the_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "put LoadCredential=wg:PATH" in refusal(identity(SecretForm.CREDENTIAL, "wg"), tmp_path)


def test_a_credential_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    said = refusal(identity(SecretForm.CREDENTIAL, "wg"), tmp_path)
    assert said == f"cannot read {tmp_path}/wg: No such file or directory"


def test_an_inline_key_is_itself(tmp_path: Path) -> None:
    assert read_private_key(identity(SecretForm.INLINE, SECRET), tmp_path) == OWN_KEY


def test_a_keyring_holds_every_key_and_never_shows_one(key_file: Path) -> None:
    create_private(key_file.parent / "fra1.psk", PSK.to_text())
    with_psk = replace(server("fra1"), preshared_key=SecretSource(SecretForm.FILE, "fra1.psk"))
    keyring = open_keyring(Fleet((with_psk, server("ams1")), (BASTION,)), key_file.parent)
    assert keyring.private_key("bastion") == OWN_KEY
    assert keyring.preshared_key("fra1") == PSK
    assert keyring.preshared_key("ams1") == NO_PRESHARED_KEY
    assert keyring.problems == {}
    assert SECRET not in repr(keyring)
    assert PSK.to_text() not in repr(keyring)


def test_a_preshared_key_that_cannot_be_read_is_a_problem_of_its_server_only(key_file: Path) -> None:
    broken = replace(server("fra1"), preshared_key=SecretSource(SecretForm.FILE, "fra1.psk"))
    keyring = open_keyring(Fleet((broken, server("ams1")), (BASTION,)), key_file.parent)
    assert keyring.problems == {
        "fra1": 'servers.toml: server "fra1": key preshared_key_file: '
        f"there is no file {key_file.parent}/fra1.psk; put the secret there"
    }
    assert keyring.preshared_key("ams1") == NO_PRESHARED_KEY


def test_an_unread_preshared_key_is_never_taken_for_none(tmp_path: Path) -> None:
    broken = replace(server("fra1"), preshared_key=SecretSource(SecretForm.FILE, "fra1.psk"))
    keyring = open_keyring(Fleet((broken,), (BASTION,)), tmp_path)
    with pytest.raises(KeyError):
        keyring.preshared_key("fra1")


def test_an_identity_that_cannot_be_read_is_a_problem_of_each_of_its_servers(key_file: Path) -> None:
    lost = Identity("lost", SecretSource(SecretForm.FILE, "lost.key"))
    servers = (server("fra1"), replace(server("ams1"), identity="lost"))
    keyring = open_keyring(Fleet(servers, (BASTION, lost)), key_file.parent)
    assert list(keyring.problems) == ["ams1"]
    assert keyring.problems["ams1"] == keyring.identity_problems["lost"]
    assert keyring.problems["ams1"].startswith('servers.toml: identity "lost": key private_key_file: ')
    assert keyring.private_key("bastion") == OWN_KEY


def test_a_command_that_several_servers_share_runs_once(key_file: Path) -> None:
    create_private(key_file.parent / "psk", PSK.to_text())
    shared = SecretSource(SecretForm.COMMAND, ("/bin/sh", "-c", "echo run >>log; cat psk"))
    servers = tuple(replace(server(f"fra{number}"), preshared_key=shared) for number in range(5))
    keyring = open_keyring(Fleet(servers, (BASTION,)), key_file.parent)
    assert {keyring.preshared_key(one.name) for one in servers} == {PSK}
    assert (key_file.parent / "log").read_text() == "run\n"


@pytest.mark.parametrize(
    "value",
    [
        "trojan://secret@host:443",
        "https://host/secret",
        "hskey-api-abcdefghijklmnopqrst",
        "vless://secret@h:1",
    ],
)
@pytest.mark.parametrize("form", ["file", "credential"])
def test_a_secret_in_place_of_the_name_of_its_file_is_refused_without_repeating_it(
    value: str, form: str
) -> None:
    text = f"""
        [[server]]
        name = "hk1"
        protocol = "trojan"
        endpoint = "host:443"
        [server.trojan]
        link_{form} = "{value}"
    """

    with pytest.raises(ConfigurationError) as refused:
        parse(text)

    assert f"link_{form}" in str(refused.value)
    assert "secret" not in str(refused.value).replace("holds the secret, not the secret itself", "")
    assert "abcdefghij" not in str(refused.value)


def test_the_token_of_a_control_plane_is_named_by_its_place_in_the_file(tmp_path: Path) -> None:
    fleet = parse(
        """
        [[control_plane]]
        name = "office mesh"
        type = "headscale"
        url = "https://headscale.example.net"
        token_file = "headscale.token"
        """
    )

    (problem,) = open_keyring(fleet, tmp_path).problems.values()

    assert problem == (
        'servers.toml: control_plane "office mesh": key token_file: '
        f"there is no file {tmp_path}/headscale.token; put the secret there"
    )
