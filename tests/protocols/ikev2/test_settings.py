"""The table `[server.ikev2]`."""

from __future__ import annotations

import pytest

from wgmon_tui.config.models import ConfigurationError, SecretForm, SecretSource, Server
from wgmon_tui.config.protocol_settings import copied_secrets
from wgmon_tui.config.secrets.sources import secret_keys
from wgmon_tui.config.setting import write_settings
from wgmon_tui.config.toml_reader import TomlTable, load_toml
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.ikev2.settings import SECTION, SETTINGS, Ikev2Settings, read_settings
from wgmon_tui.store.formats.server_entry import server_from_entry, server_to_entry
from wgmon_tui.vantages.agent.assignment import find_server_problem

WITH_SECRET = 'local_id = "monitor@example.net"\nsecret_file = "fra1.secret"'


def read(text: str) -> Ikev2Settings:
    return read_settings(TomlTable("servers.toml", load_toml(text, ""), SECTION.known_keys))


def has_credentials(settings: Ikev2Settings) -> bool:
    return bool(settings.secret or settings.certificate or settings.eap_user)


def test_a_server_without_credentials_is_checked_up_to_sa_init() -> None:
    assert not has_credentials(read(""))


@pytest.mark.parametrize(
    "text",
    [
        WITH_SECRET,
        'certificate_file = "monitor.pem"\nkey_file = "monitor.key"',
        'eap_user = "monitor"\neap_password_file = "monitor.password"',
    ],
)
def test_each_way_to_authenticate_stands_alone(text: str) -> None:
    assert has_credentials(read(text))


@pytest.mark.parametrize("key", ["secret", "certificate", "key", "eap_password", "ca"])
def test_a_secret_has_all_five_forms(key: str) -> None:
    assert {f"{key}_file", f"{key}_command", f"{key}_env", f"{key}_credential", key} <= set(
        SECTION.known_keys
    )
    assert set(secret_keys(key)) <= set(SECTION.known_keys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('secret_file = "s"', "key local_id: a preshared key needs it"),
        ('certificate_file = "c"', "key key_file: certificate_file needs it; add key_file"),
        ('key_command = ["pass", "k"]', "key certificate_file: key_command needs it"),
        ('eap_user = "m"', "key eap_password_file: eap_user needs it"),
        ('eap_password_env = "P"', "key eap_user: eap_password_env needs it"),
        (
            f'{WITH_SECRET}\neap_user = "m"\neap_password_file = "p"',
            "key eap_user: keep one way to authenticate of secret_file and eap_user",
        ),
        ("dedicated = true", "key dedicated: there is no identity"),
        ('proposals = ["aes256-sha257-ecp256"]', 'key proposals: unknown algorithm "sha257"'),
        ('remote_id = " fra1"', "key remote_id: expected no space"),
        ('secrets_file = "x"', 'unknown setting "secrets_file"'),
    ],
)
def test_a_contradiction_is_one_line_with_its_key(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_written_is_read_again() -> None:
    text = f'{WITH_SECRET}\nremote_id = "fra1"\nproposals = ["aes256-sha256-ecp256"]\ndedicated = true'
    settings = read(text)
    written = write_settings(settings, SECTION.settings, SECTION.usual())
    assert read_settings(TomlTable("", written, SECTION.known_keys)) == settings


def test_no_repr_shows_an_inline_secret() -> None:
    settings = read('local_id = "m"\nsecret = "hunter2"')
    assert settings.secret == SecretSource(SecretForm.INLINE, "hunter2")
    assert "hunter2" not in repr(settings)


def test_the_server_has_the_keys_of_its_tunnel() -> None:
    assert {"tunnel_ping", "tunnel_every"} <= SETTINGS.more_keys


@pytest.mark.parametrize(
    "text",
    [
        'eap_user = "monitor"\neap_password = "hunter2"\nremote_id = "gw"\ndedicated = true',
        'local_id = "m"\nsecret = "hunter2"\nremote_id = "gw"\ndedicated = true',
        'certificate = "x"\nkey = "hunter2"\nremote_id = "gw"\ndedicated = true',
    ],
)
def test_an_agent_gets_all_but_the_secrets_and_adds_its_own(text: str) -> None:
    local = Server("gw", Endpoint("gw", 500), protocol="ikev2", protocol_settings=read(text))
    entry = server_to_entry(local)
    assert "hunter2" not in entry
    sent = server_from_entry("gw", entry)
    assert sent is not None
    assert sent.protocol_settings.remote_id == "gw"
    assert find_server_problem(sent) == ""
    assert copied_secrets(sent, local) == local.protocol_settings


def test_an_agent_without_an_entry_of_its_own_does_not_authenticate() -> None:
    text = 'local_id = "m"\nsecret = "hunter2"\ndedicated = true'
    writer = Server("gw", Endpoint("gw", 500), protocol="ikev2", protocol_settings=read(text))
    sent = server_from_entry("gw", server_to_entry(writer))
    assert sent is not None
    assert copied_secrets(sent, None) == Ikev2Settings()
