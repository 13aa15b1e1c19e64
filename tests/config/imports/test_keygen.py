"""Identities that keygen makes."""

from __future__ import annotations

from ipaddress import ip_interface
from pathlib import Path

import pytest

from tests.config.imports.conf_files import ADDRESS, secret_files
from tests.config.sample_fleets import OWN_KEY
from wgmon_tui.config.imports.new_identity import keygen
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_file import read


def test_keygen_makes_an_identity_whose_key_nobody_else_can_read(config_dir: Path) -> None:
    made = keygen("bastion", config_dir, [ip_interface(ADDRESS)])
    assert (config_dir / "bastion.key").stat().st_mode & 0o777 == 0o600
    fleet = read(config_dir).fleet
    assert fleet.identities == (made.identity,)
    assert made.identity.addresses == (ip_interface(ADDRESS),)
    assert open_keyring(fleet, config_dir).private_key("bastion").public == made.public_key


def test_keygen_gives_the_stanza_to_paste_on_the_server(config_dir: Path) -> None:
    made = keygen("bastion", config_dir, [ip_interface("10.8.0.250/24"), ip_interface("fd00::250/64")])
    assert made.stanza == (
        f"# bastion, for wgmon-tui\n[Peer]\nPublicKey = {made.public_key}\n"
        "AllowedIPs = 10.8.0.250/32, fd00::250/128\n"
    )


def test_without_an_address_the_stanza_says_what_belongs_there(config_dir: Path) -> None:
    *_, explanation, placeholder = keygen("bastion", config_dir).stanza.splitlines()
    assert explanation.startswith("# Put a tunnel address here that no other peer has")
    assert placeholder == "# AllowedIPs = ADDRESS/32"


def test_keygen_never_replaces_an_identity(config_dir: Path) -> None:
    first = keygen("bastion", config_dir)
    with pytest.raises(ConfigurationError, match='identity "bastion": already exists; choose another name'):
        keygen("bastion", config_dir)
    assert read(config_dir).fleet.identities == (first.identity,)
    assert secret_files(config_dir) == {"bastion.key"}


def test_keygen_refuses_a_name_that_cannot_be_shown(config_dir: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^keygen: name: contains the unprintable character U\+001B"
    ):
        keygen("\x1b[2J", config_dir)
    assert not config_dir.exists()


def test_a_key_that_is_given_is_taken_in_place_of_a_new_one(config_dir: Path) -> None:
    made = keygen("bastion", config_dir, private_key=OWN_KEY)
    assert made.public_key == OWN_KEY.public
    assert (config_dir / "bastion.key").read_text() == OWN_KEY.to_text() + "\n"
