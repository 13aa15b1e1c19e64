"""Lists applied to servers.toml: what is new, changed and gone, and what stays as people have set it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.subscriptions.list_server import ListServer, list_server
from wgmon_tui.config.models import SecretForm, SecretSource, Server
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_file import read, update
from wgmon_tui.config.subscriptions_toml import ApplyRule, Subscription
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.subscriptions import application
from wgmon_tui.subscriptions.application import (
    SubscriptionError,
    apply,
    compare_list,
    fetch_list,
    limit_to,
)
from wgmon_tui.subscriptions.difference import ListDifference

A1, A2, B = (
    "trojan://SECRET1@a.example:443#a",
    "trojan://SECRET2@a.example:443#a",
    "ss://YWVzLTI1Ni1nY206U0VDUkVU@b.example:1#b",
)
LISTED = Subscription("p", SecretSource(SecretForm.INLINE, "http://127.0.0.1/SECRETTOKEN"), tags=("eu",))


def difference(config_dir: Path, *lines: str) -> ListDifference:
    return compare_list(LISTED, "\n".join(lines).encode(), config_dir)


def follow(config_dir: Path, *lines: str) -> None:
    apply(LISTED, difference(config_dir, *lines), config_dir)


def servers(config_dir: Path) -> dict[str, Server]:
    return {each.name: each for each in read(config_dir).fleet.servers}


def link_of(config_dir: Path, name: str) -> str:
    fleet = read(config_dir).fleet
    return open_keyring(fleet, config_dir).protocol_secrets[name]["link"].decode()


def test_a_first_list_adds_its_servers_with_tags(tmp_path: Path) -> None:
    follow(tmp_path, A1, B)
    found = servers(tmp_path)
    assert {name: each.protocol for name, each in found.items()} == {"a": "trojan", "b": "shadowsocks"}
    assert found["a"].tags == ("subscription:p", "eu")
    assert difference(tmp_path, A1, B).is_empty


def test_a_changed_link_replaces_the_secret_and_keeps_what_people_have_set(tmp_path: Path) -> None:
    follow(tmp_path, A1, B)

    def edit(server: Server) -> Server:
        settings = replace(server.protocol_settings, fetch_text="ready")
        return replace(server, note="mine", interval=60.0, protocol_settings=settings)

    update(tmp_path, lambda fleet: replace(fleet, servers=tuple(map(edit, fleet.servers))))
    found = difference(tmp_path, A2, B)
    assert list(found.lines()) == ["~ a  trojan  a.example:443  (link changed)"]
    apply(LISTED, found, tmp_path)
    server = servers(tmp_path)["a"]
    assert (server.note, server.interval, server.protocol_settings.fetch_text) == ("mine", 60.0, "ready")
    assert link_of(tmp_path, "a").startswith("trojan://SECRET2@")
    assert "SECRET1" not in "".join(each.read_text() for each in tmp_path.glob("*.link"))


def test_a_server_that_moves_keeps_its_name(tmp_path: Path) -> None:
    follow(tmp_path, A1)
    found = difference(tmp_path, A1.replace("a.example", "new.example"))
    assert list(found.lines()) == ["~ a  trojan  a.example:443 -> new.example:443  (endpoint changed)"]
    apply(LISTED, found, tmp_path)
    assert servers(tmp_path)["a"].endpoint == Endpoint("new.example", 443)


def test_a_server_that_is_gone_is_removed_with_its_secret(tmp_path: Path) -> None:
    follow(tmp_path, A1, B)
    follow(tmp_path, B)
    assert list(servers(tmp_path)) == ["b"]
    assert [each.name for each in tmp_path.glob("*.link")] == ["b.link"]


def test_another_name_for_the_same_server_is_no_difference(tmp_path: Path) -> None:
    follow(tmp_path, A1)
    assert difference(tmp_path, A1.replace("#a", "#a%2010%20GB%20left")).is_empty


def test_servers_without_the_tag_are_never_touched(tmp_path: Path) -> None:
    follow(tmp_path, A1)
    update(tmp_path, lambda fleet: replace(fleet, servers=(replace(fleet.servers[0], tags=()),)))
    follow(tmp_path, A2)
    found = servers(tmp_path)
    assert list(found) == ["a", "a-2"]
    assert link_of(tmp_path, "a").startswith("trojan://SECRET1@")


def test_a_server_that_lost_the_tag_after_the_comparison_is_not_touched(tmp_path: Path) -> None:
    follow(tmp_path, A1, B)
    found = difference(tmp_path, A2)
    assert [each.server.name for each in found.changed] == ["a"]
    assert [each.name for each in found.removed] == ["b"]
    update(
        tmp_path,
        lambda fleet: replace(fleet, servers=tuple(replace(each, tags=()) for each in fleet.servers)),
    )
    apply(LISTED, found, tmp_path)
    assert list(servers(tmp_path)) == ["a", "b"]
    assert link_of(tmp_path, "a").startswith("trojan://SECRET1@")


def with_link_file(server: Server, path: str, **changes: Any) -> Server:
    settings = replace(server.protocol_settings, link=SecretSource(SecretForm.FILE, path))
    return replace(server, protocol_settings=settings, **changes)


def test_a_secret_outside_the_configuration_directory_is_never_deleted(tmp_path: Path) -> None:
    config_dir, outside = tmp_path / "config", tmp_path / "a.link"
    config_dir.mkdir()
    follow(config_dir, A1, B)
    (config_dir / "a.link").rename(outside)
    update(
        config_dir,
        lambda fleet: replace(
            fleet, servers=(with_link_file(fleet.servers[0], str(outside)), *fleet.servers[1:])
        ),
    )
    follow(config_dir, B)
    assert list(servers(config_dir)) == ["b"]
    assert outside.exists()


def test_a_secret_that_another_server_uses_stays(tmp_path: Path) -> None:
    follow(tmp_path, A1, B)
    update(
        tmp_path,
        lambda fleet: replace(
            fleet,
            servers=(*fleet.servers, with_link_file(fleet.servers[0], "a.link", name="mine", tags=())),
        ),
    )
    follow(tmp_path, B)
    assert list(servers(tmp_path)) == ["b", "mine"]
    assert link_of(tmp_path, "mine").startswith("trojan://SECRET1@")


def test_a_list_of_too_many_servers_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "_MOST_SERVERS", 1)
    with pytest.raises(SubscriptionError, match="more than 1 servers"):
        difference(tmp_path, A1, B)
    assert not difference(tmp_path, A1).is_empty


def test_one_server_twice_in_a_list_is_added_once(tmp_path: Path) -> None:
    follow(tmp_path, A1, A1.replace("#a", "#c"))
    assert list(servers(tmp_path)) == ["a"]


@pytest.mark.parametrize(("rule", "kept"), [("ask", (0, 0, 0)), ("add", (1, 0, 0)), ("all", (1, 1, 1))])
def test_a_rule_says_what_is_applied_without_a_question(
    rule: ApplyRule, kept: tuple[int, int, int], tmp_path: Path
) -> None:
    follow(tmp_path, A1, B)
    found = difference(tmp_path, A2, "trojan://x@c.example:1#c")
    chosen = limit_to(rule, found)
    assert (len(chosen.new), len(chosen.changed), len(chosen.removed)) == kept


def test_nothing_is_removed_while_a_part_of_the_list_cannot_be_read(tmp_path: Path) -> None:
    follow(tmp_path, A1, B)
    found = difference(tmp_path, A1, "ssr://x")
    assert [each.name for each in found.removed] == ["b"]
    assert found.unread == ('"link 2": wgmon-tui cannot check a link of ssr://',)
    assert limit_to("all", found).removed == ()


@pytest.mark.parametrize(
    "body", [b"", b"<html>SECRET</html>", b"ssr://SECRET", b"\xff\xfe", b"proxies:\n  - {SECRET"]
)
def test_a_list_without_a_server_changes_nothing(body: bytes, tmp_path: Path) -> None:
    follow(tmp_path, A1)
    with pytest.raises(SubscriptionError) as raised:
        compare_list(LISTED, body, tmp_path)
    assert "SECRET" not in str(raised.value)
    assert list(servers(tmp_path)) == ["a"]


@pytest.fixture
def provider() -> Iterator[ListServer]:
    with list_server() as server:
        yield server


def test_a_list_is_fetched_from_the_address_in_a_file(provider: ListServer, tmp_path: Path) -> None:
    file = tmp_path / "p.url"
    file.write_text(f"{provider.url}\n")
    file.chmod(0o600)
    provider.body = A1.encode()
    assert fetch_list(replace(LISTED, url=SecretSource(SecretForm.FILE, "p.url")), tmp_path) == A1.encode()


def test_a_failed_fetch_names_the_subscription_alone(provider: ListServer, tmp_path: Path) -> None:
    provider.status = 403
    with pytest.raises(SubscriptionError) as raised:
        fetch_list(replace(LISTED, url=SecretSource(SecretForm.INLINE, provider.url)), tmp_path)
    assert str(raised.value) == 'subscription "p": HTTP 403; check the token in the address'
