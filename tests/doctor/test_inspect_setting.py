"""Tests of what is said about a server that servers.toml has no command to inspect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.output.sample_rounds import server
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
