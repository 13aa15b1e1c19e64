"""Names of peers in comments, as generators write them: a whole file each, and the names of its servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.sample_fleets import OTHER_SERVER_KEY, OWN_KEY, SERVER_KEY
from wgmon_tui.config.imports.wg_quick_parser import parse_conf

INTERFACE = f"[Interface]\n# Key for my laptop\nPrivateKey = {OWN_KEY.to_text()}\n\n"
FIRST = f"PublicKey = {SERVER_KEY}\nEndpoint = fra1.example.net:51820\n"
SECOND = f"PublicKey = {OTHER_SERVER_KEY}\nEndpoint = ams1.example.net:51820\n"


def names(text: str) -> list[str | None]:
    return [peer.name for peer in parse_conf(INTERFACE + text, Path("wg0.conf")).peers]


@pytest.mark.parametrize(
    ("comment", "name"),
    [
        ("# friendly_name = Berlin office", "Berlin office"),
        ("#friendly_name=Berlin office", "Berlin office"),
        ('# friendly_json = {"name": "Berlin", "id": 4}', "Berlin"),
        ('# friendly_json={"username":"anna"}', "anna"),
        ("### begin anna ###", "anna"),
        ("# BEGIN_PEER anna-phone", "anna-phone"),
        ("### Client anna", "anna"),
        ("# Client: Anna M (0f3c5a52-7d0e-4f0e-9f41-5a52bb7b2a01)", "Anna M"),
        ("# Peer: Berlin office", "Berlin office"),
        ("# Name:         anna", "anna"),
        ("#Name# = anna", "anna"),
        ("#+Alias = anna", "anna"),
        ("# -WGP- Peer display name: anna", "anna"),
        ("# CH-ZZ#1", "CH-ZZ#1"),
        ("# peer_anna", "peer_anna"),
    ],
)
def test_a_generators_comment_above_or_below_the_heading_names_the_peer(comment: str, name: str) -> None:
    assert names(f"{comment}\n[Peer]\n{FIRST}") == [name]
    assert names(f"[Peer]\n{comment}\n{FIRST}") == [name]


def test_a_comment_beside_the_heading_names_the_peer() -> None:
    assert names(f"[Peer] # Name = fra1\n{FIRST}") == ["fra1"]


def test_a_label_below_the_settings_names_the_peer_but_a_word_there_does_not() -> None:
    assert names(f"[Peer]\n{FIRST}# friendly_name = fra1\n") == ["fra1"]
    assert names(f"[Peer]\n{FIRST}# important\n") == [None]


def test_marks_of_end_and_begin_between_two_peers_name_each_its_own() -> None:
    first = f"### begin anna ###\n[Peer]\n{FIRST}### end anna ###\n"
    second = f"### begin bob ###\n[Peer]\n{SECOND}### end bob ###\n"
    assert names(first + second) == ["anna", "bob"]


def test_a_block_of_several_comments_is_searched_for_the_name() -> None:
    block = "# ID:           cabc\n# Name:         anna\n# Email:        a@example.net\n# Telegram:\n"
    assert names(f"{block}[Peer]\n{FIRST}") == ["anna"]


@pytest.mark.parametrize(
    "comment",
    [
        "# Client configuration of the office",
        "# Endpoint = old.example.net:51820",
        "# begin of the list",
        f"# Name = {OWN_KEY.to_text()}",
        f"# {OWN_KEY.to_text()}",
        "# friendly_json = {broken",
        "# friendly_json = []",
        "# Name = B\ufffdro",
        "# Name = \x1b[31m",
    ],
)
def test_another_comment_is_no_name_and_a_key_never_is(comment: str) -> None:
    assert names(f"{comment}\n[Peer]\n{FIRST}") == [None]
    assert names(f"[Peer]\n{comment}\n{FIRST}") == [None]
