"""The writer and its alerts together: from a server that fails to a command that is run, and what viewers ask."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from math import inf
from pathlib import Path

import pytest

from tests.service.stage import healthy, until, watched, write
from wgmon_tui.alerts.log import deliveries
from wgmon_tui.service.lock import WriterLock
from wgmon_tui.service.reload import load
from wgmon_tui.service.viewer import Viewer
from wgmon_tui.service.writer import Writer

COMMAND = """
[[sink]]
name = "file"
type = "command"
command = ["sh", "-c", "cat >> told; echo >> told"]
"""


class Scene:
    """A writer in this process, its files, and what its command was told."""

    def __init__(self, directory: Path) -> None:
        self.config, self.state = directory / "config", directory / "state"
        self.state.mkdir()

    def told(self) -> list[str]:
        """Kind and servers of each message."""
        with suppress(FileNotFoundError):
            lines = Path("told").read_text().splitlines()
            said = [json.loads(line) for line in lines if line]
            return [f"{each['kind']} {' '.join(i['server'] for i in each['incidents'])}" for each in said]
        return []

    def writer(self) -> Writer:
        lock = WriterLock(self.state)
        assert lock.acquire()
        return Writer(self.state, load(self.config), lock, config_dir=self.config)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.chdir(tmp_path)
    return Scene(tmp_path)
