"""The tables of proxy protocols in servers.toml, and what other accounts and machines see of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.config.error_line import refusal
from wgmon_tui.config.models import ConfigurationError, Server
from wgmon_tui.config.protocol_settings import copied_secrets, without_secrets
from wgmon_tui.config.servers_file import read
from wgmon_tui.config.servers_toml import parse, render
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.protocols.proxies.proxy_command.settings import DEFAULT_COMMAND, CommandSettings
from wgmon_tui.protocols.proxies.settings import DEFAULT_SECOND, DEFAULT_URL, ProxySettings
from wgmon_tui.store.formats.server_entry import server_from_entry, server_to_entry

TROJAN = """[[server]]
name = "t"
endpoint = "t.example:443"
protocol = "trojan"

[server.trojan]
link_file = "t.link"
fetch = "https://status.example/ready"
fetch_status = 200
fetch_text = "all ready"
fetch_second = "http://other.example/ status=401"
exit_address = "http://ip.example/"
speed = "http://big.example/1mb"
dns = ["www.example@9.9.9.9"]
"""
COMMAND = """[[server]]
name = "h"
endpoint = "h.example:443"
protocol = "proxy-command"

[server.proxy-command]
command = ["/opt/sing-box", "run", "-c", "{config}"]
link_file = "h.link"
"""


def only(text: str) -> Server:
    (server,) = parse(text).servers
    return server


def test_a_table_with_every_key_is_written_as_it_was_read() -> None:
    settings = only(TROJAN).protocol_settings
    assert settings.first_target == HttpTarget(Url("status.example", 443, "/ready", True), 200, "all ready")
    assert settings.targets[1] == HttpTarget(Url("other.example", 80, "/"), 401)
    assert settings.dns[0].name == "www.example"
    assert only(render(parse(TROJAN))) == only(TROJAN)


def test_without_keys_two_pages_of_two_operators_are_fetched() -> None:
    server = only('[[server]]\nname = "v"\nendpoint = "v.example:1"\nprotocol = "vmess"\n')
    assert server.protocol_settings == ProxySettings()
    assert server.protocol_settings.targets == (HttpTarget(DEFAULT_URL, 204), DEFAULT_SECOND)


def test_the_second_page_can_be_turned_off() -> None:
    server = only(TROJAN.replace("http://other.example/ status=401", "none"))
    assert server.protocol_settings.fetch_second is None
    assert only(render(parse(TROJAN.replace("http://other.example/ status=401", "none")))) == server


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("fetch", '"http://a.example/ status=204"', "trojan: key fetch: expected a URL alone"),
        ("fetch", '""', "trojan: key fetch: expected a URL such as"),
        ("fetch_status", "99", "trojan: key fetch_status: expected"),
        ("dns", '["x"]', "trojan: key dns: expected an address"),
        (
            "link",
            '"SECRET"\nlink_file = "a"',
            "trojan: key link: link_file is set too; keep only one of them",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_key(key: str, value: str, message: str) -> None:
    server = '[[server]]\nname = "t"\nendpoint = "t.example:1"\nprotocol = "trojan"\n'
    line = refusal(f"{server}[server.trojan]\n{key} = {value}")
    assert message in line
    assert "SECRET" not in line


def test_other_accounts_see_neither_link_nor_command() -> None:
    for text, secret in ((TROJAN, "t.link"), (COMMAND, "h.link")):
        server = only(text)
        assert secret not in str(without_secrets(server))
        assert secret not in server_to_entry(server)
    assert "sing-box" not in server_to_entry(only(COMMAND))


@pytest.mark.parametrize(
    "text", [TROJAN, COMMAND, COMMAND.replace('"{config}"]', '"/etc/own.json"]\nport = 1080')]
)
def test_a_stored_entry_is_read_without_its_secrets(text: str) -> None:
    server = only(text)
    usual = {"command": DEFAULT_COMMAND} if isinstance(server.protocol_settings, CommandSettings) else {}
    stored = server_from_entry(server.name, server_to_entry(server))
    assert stored == replace(server, protocol_settings=replace(server.protocol_settings, link=None, **usual))


def test_an_agent_never_runs_a_command_that_another_machine_names() -> None:
    sent = only(COMMAND)
    local = only(COMMAND.replace("/opt/sing-box", "/usr/bin/sing-box"))
    assert copied_secrets(sent, local).command[0] == "/usr/bin/sing-box"
    assert copied_secrets(sent, None).command == DEFAULT_COMMAND
    assert copied_secrets(sent, only(TROJAN)).command == DEFAULT_COMMAND


@pytest.mark.parametrize(
    ("command", "port", "message"),
    [
        ('["mihomo", "-f", "{config}"]', 1080, "so wgmon-tui chooses the port"),
        ('["mihomo", "-f", "/etc/own.yaml"]', 0, "name the port of its own configuration"),
    ],
)
def test_the_port_belongs_to_a_configuration_of_your_own(command: str, port: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse(
            '[[server]]\nname = "h"\nendpoint = "h.example:1"\nprotocol = "proxy-command"\n'
            f"[server.proxy-command]\ncommand = {command}\nport = {port}\n"
        )


def test_a_file_that_others_can_change_runs_no_program(tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_text(COMMAND)
    file.chmod(0o666)
    with pytest.raises(ConfigurationError, match="chmod"):
        read(tmp_path)
    file.chmod(0o600)
    assert read(tmp_path).fleet.servers[0].name == "h"
