"""Tests of what is said about a server that servers.toml has no command to inspect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.output.sample_rounds import server
from wgmon_tui.checks.inspection import inspector_of
from wgmon_tui.checks.registry import protocol_names
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.doctor.server import require_inspect_command


def test_the_line_to_add_has_the_program_of_the_protocol() -> None:
    with pytest.raises(ConfigurationError, match='"sudo", "wg", "show"'):
        require_inspect_command(server())
    with pytest.raises(ConfigurationError, match='"sudo", "awg", "show"'):
        require_inspect_command(replace(server(), protocol="amneziawg"))


def test_a_protocol_without_peers_is_not_told_to_add_a_command() -> None:
    with pytest.raises(ConfigurationError, match="has no peers to inspect"):
        require_inspect_command(replace(server(), protocol="system-path"))


def test_protocols_with_the_same_interfaces_share_an_inspector() -> None:
    assert inspector_of("wireguard") is not None
    assert inspector_of("amneziawg") is inspector_of("wireguard")


def test_no_other_protocol_has_an_inspector() -> None:
    others = set(protocol_names()) - {"wireguard", "amneziawg"}
    assert {name for name in others if inspector_of(name)} == set()


def test_a_protocol_that_this_version_does_not_know_has_no_inspector() -> None:
    assert inspector_of("of-tomorrow") is None
