"""Servers joined with their links: which link is refused, and what stands in the entry and in the link."""

from __future__ import annotations

from pathlib import Path

import pytest

from wgmon_tui.checks.protocol import Targets
from wgmon_tui.checks.targets import join
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.records import TrojanLink
from wgmon_tui.protocols.proxies.proxy_command.targets import CommandTarget
from wgmon_tui.protocols.proxies.targets import ProxyTarget


def joined(
    tmp_path: Path, link: str | None, protocol: str = "trojan", endpoint: str = "t.example:443"
) -> Targets:
    own = f'[server.{protocol}]\nlink_file = "t.link"\n' if link is not None else ""
    fleet = parse(f'[[server]]\nname = "t"\nendpoint = "t.example:443"\nprotocol = "{protocol}"\n{own}')
    file = tmp_path / "t.link"
    file.write_text(link or "")
    file.chmod(0o600)
    return join(fleet, open_keyring(fleet, tmp_path))


def test_a_server_has_what_its_link_says(tmp_path: Path) -> None:
    target = joined(tmp_path, "trojan://SECRET@t.example:443\n").ready["t"]
    assert isinstance(target, ProxyTarget)
    assert target.link == TrojanLink(Endpoint("t.example", 443), "SECRET")
    assert target.is_at_link
    assert "SECRET" not in repr(target)
    assert "SECRET" not in str(target.digest_parts)


def test_the_endpoint_of_the_entry_stays_when_the_link_names_another(tmp_path: Path) -> None:
    target = joined(tmp_path, "trojan://SECRET@other.example:8443").ready["t"]
    assert isinstance(target, ProxyTarget)
    assert target.server.endpoint == Endpoint("t.example", 443)
    assert target.link.endpoint == Endpoint("other.example", 8443)
    assert not target.is_at_link


def test_a_program_connects_to_the_endpoint_of_the_entry(tmp_path: Path) -> None:
    target = joined(tmp_path, "hysteria2://SECRET@other.example:8443", "proxy-command").ready["t"]
    assert isinstance(target, CommandTarget)
    assert target.link is not None
    assert target.link.endpoint == Endpoint("t.example", 443)
    assert "SECRET" not in repr(target)


def test_the_digest_depends_on_the_secret_and_not_on_the_name(tmp_path: Path) -> None:
    parts = [
        joined(tmp_path, link).ready["t"].digest_parts
        for link in ("trojan://A@t.example:443#a", "trojan://A@t.example:443#b", "trojan://B@t.example:443#a")
    ]
    assert parts[0] == parts[1] != parts[2]


@pytest.mark.parametrize(
    ("link", "protocol", "problem"),
    [
        (None, "trojan", "missing; name the file that holds the share link"),
        (None, "proxy-command", "missing; name the file that holds the share link"),
        ("SECRET", "trojan", "not a share link: it has no scheme such as ss://"),
        ("trojan://SECRET", "trojan", "expected trojan://…@host:port, got no @; copy the link again"),
        (
            "ss://aes-256-gcm:SECRET@t.example:443",
            "trojan",
            'it is a link of shadowsocks; set protocol = "shadowsocks", or another link',
        ),
    ],
)
def test_a_link_that_cannot_be_used_excludes_its_server(
    tmp_path: Path, link: str | None, protocol: str, problem: str
) -> None:
    found = joined(tmp_path, link, protocol)
    assert found.ready == {}
    assert found.problems == {"t": f'servers.toml: server "t": key {protocol}.link_file: {problem}'}
