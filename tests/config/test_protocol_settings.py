"""The table of a protocol: its secrets are read, kept out of what others see, and taken from this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.toy_protocol import Echo
from wgmon_tui.checks.registry import register, unregister
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import ConfigurationError, Fleet, SecretSource, Server
from wgmon_tui.config.protocol_settings import ProtocolSettings, copied_secrets, without_secrets
from wgmon_tui.config.secrets.keyring import Keyring, open_keyring, secret_files, secret_sources
from wgmon_tui.config.servers_toml import parse, render
from wgmon_tui.config.setting import Section, Setting
from wgmon_tui.config.value_types import KEY_SECRET, PEM_CERTIFICATES, PEM_SECRET, TEXT, TEXT_SECRET
from wgmon_tui.store.formats.server_entry import server_to_entry

FILE = """[[server]]
name = "echo1"
endpoint = "192.0.2.7:7"
protocol = "echo"

[server.echo]
word = "moon"
password_file = "echo.password"
key_file = "echo.key"
"""
KEY = PrivateKey.generate()


@dataclass(frozen=True, slots=True)
class SecretiveSettings:
    word: str = "hello"
    password: SecretSource | None = None
    key: SecretSource | None = None


class SecretiveEcho(Echo):
    settings = ProtocolSettings(
        Section(
            "echo",
            "An echo server.",
            SecretiveSettings,
            (
                Setting("word", TEXT, "The word."),
                Setting("password", TEXT_SECRET, "A password."),
                Setting("key", KEY_SECRET, "A key."),
            ),
        )
    )


DOCUMENT = "-----BEGIN KEY-----\nQUJD\n-----END KEY-----\n"


@dataclass(frozen=True, slots=True)
class DocumentSettings:
    word: str = "hello"
    key: SecretSource | None = None
    certificate: SecretSource | None = None


class EchoWithDocuments(Echo):
    settings = ProtocolSettings(
        Section(
            "echo",
            "An echo server.",
            DocumentSettings,
            (
                Setting("word", TEXT, "The word."),
                Setting("key", PEM_SECRET, "A private key."),
                Setting("certificate", PEM_CERTIFICATES, "A certificate."),
            ),
        ),
        more_keys=frozenset({"tunnel_every"}),
    )


def read_documents(
    tmp_path: Path, key_mode: int, certificate_mode: int, certificate: str = DOCUMENT
) -> Keyring:
    register(EchoWithDocuments())
    for name, mode, text in (
        ("echo.key", key_mode, DOCUMENT),
        ("echo.pem", certificate_mode, certificate),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    text = FILE.replace('password_file = "echo.password"', 'certificate_file = "echo.pem"')
    return open_keyring(parse(text), tmp_path)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    register(SecretiveEcho())
    yield
    unregister("echo")


def read(tmp_path: Path, password: str = "hunter2") -> tuple[Fleet, Keyring]:
    for name, text in (("echo.password", password), ("echo.key", KEY.to_text())):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(text)
    fleet = parse(FILE)
    return fleet, open_keyring(fleet, tmp_path)


def test_a_key_of_the_protocol_beside_its_table_is_told_its_place() -> None:
    misplaced = FILE.replace("\n[server.echo]", 'word = "sun"\n[server.echo]')
    with pytest.raises(ConfigurationError, match=r'unknown setting "word"; it belongs in \[server\.echo\]'):
        parse(misplaced)


def server() -> Server:
    return parse(FILE).servers[0]


def test_text_and_keys_are_read_from_their_files(tmp_path: Path) -> None:
    _, keyring = read(tmp_path)
    assert keyring.protocol_secrets == {"echo1": {"password": b"hunter2", "key": KEY.raw}}
    assert "hunter2" not in repr(keyring)


def test_a_secret_that_cannot_be_read_excludes_its_server(tmp_path: Path) -> None:
    _, keyring = read(tmp_path, password="")
    assert keyring.problems["echo1"].startswith('servers.toml: server "echo1": key echo.password_file:')


def test_its_files_are_watched_like_other_secrets(tmp_path: Path) -> None:
    fleet, _ = read(tmp_path)
    assert {each.name for each in secret_files(secret_sources(fleet), tmp_path)} == {
        "echo.password",
        "echo.key",
    }


def test_the_file_is_written_as_it_was_read() -> None:
    assert FILE.split("[server.echo]")[1] in render(parse(FILE))


def test_other_accounts_see_no_secret_and_no_path_of_one() -> None:
    assert without_secrets(server()) == {"word": "moon"}
    assert "password" not in server_to_entry(server())


def test_an_agent_takes_the_secrets_of_its_own_file() -> None:
    sent = replace(server(), protocol_settings=SecretiveSettings("sun"))
    assert copied_secrets(sent, server()) == replace(server().protocol_settings, word="sun")


def test_a_document_keeps_its_lines(tmp_path: Path) -> None:
    keyring = read_documents(tmp_path, 0o600, 0o600)
    assert keyring.protocol_secrets["echo1"] == {"key": DOCUMENT.encode(), "certificate": DOCUMENT.encode()}


def test_others_may_read_a_public_document_and_no_secret_one(tmp_path: Path) -> None:
    assert not read_documents(tmp_path, 0o600, 0o644).problems
    assert "chmod 600" in read_documents(tmp_path, 0o644, 0o644).problems["echo1"]


def test_others_may_not_write_a_public_document(tmp_path: Path) -> None:
    assert "chmod go-w" in read_documents(tmp_path, 0o600, 0o664).problems["echo1"]


def test_a_document_that_is_too_large_is_refused(tmp_path: Path) -> None:
    assert "is larger than" in read_documents(tmp_path, 0o600, 0o600, "x" * 300_000).problems["echo1"]


def test_a_document_may_stand_in_the_file_itself() -> None:
    text = 'protocol = "echo"\n[server.echo]\nkey = """\n' + DOCUMENT + '"""\n'
    register(EchoWithDocuments())
    fleet = parse(f'[[server]]\nname = "echo1"\nendpoint = "192.0.2.7:7"\n{text}')
    assert fleet.servers[0].protocol_settings.key.value == DOCUMENT
    assert parse(render(fleet)) == fleet


def test_a_server_has_the_keys_of_wireguard_that_its_protocol_shares() -> None:
    text = FILE.replace('protocol = "echo"', 'protocol = "echo"\ntunnel_every = "5m"')
    with pytest.raises(ConfigurationError, match="do not have it"):
        parse(text)
    register(EchoWithDocuments())
    server = parse(text.replace("password_file", "certificate_file")).servers[0]
    assert server.tunnel_every == 300
    assert 'tunnel_every = "5m"' in render(Fleet((server,)))


def test_other_secrets_are_another_target() -> None:
    one, other = ServerTarget(server(), {"key": b"1"}), ServerTarget(server(), {"key": b"2"})
    assert one.digest_parts != other.digest_parts
    assert one.agreed_values != other.agreed_values
    assert "key" not in repr(one)[len(repr(server())) :]
