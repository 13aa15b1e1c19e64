"""Configuration files that are written while they are read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.young_file import SETTLED_S, read_settled


class Reader:
    """Reads a file whose whole text is `whole`; `before` is called with the number of each read."""

    def __init__(self, path: Path, whole: str = "", half: str = "") -> None:
        self.path = path
        self.whole = whole
        self.reads = 0
        path.write_text(half)

    def just_now(self) -> float:
        """The time at which the file was changed, however busy the machine is."""
        return self.path.stat().st_mtime

    def __call__(self) -> str:
        self.reads += 1
        text = self.path.read_text()
        if self.reads == 1 and self.whole:
            self.path.write_text(self.whole)  # the editor goes on
        if text and not text.endswith("]"):
            raise ConfigurationError("half a file")
        return text


def test_half_a_file_is_read_again_when_it_is_whole(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "f", whole="[a]", half="[a")
    assert read_settled(reader, reader.path, reader.just_now) == "[a]"
    assert reader.reads == 2


def test_an_empty_file_is_read_again_too(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "f", whole="[a]")
    assert read_settled(reader, reader.path, reader.just_now) == "[a]"


def test_a_file_that_stays_invalid_is_refused_once_it_has_settled(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "f", half="[a")
    with pytest.raises(ConfigurationError, match="half a file"):
        read_settled(reader, reader.path)
    assert time.time() - reader.path.stat().st_mtime >= SETTLED_S


@pytest.mark.parametrize("shift_s", [-60.0, 60.0])
def test_an_older_file_and_one_from_the_future_are_refused_at_once(tmp_path: Path, shift_s: float) -> None:
    reader = Reader(tmp_path / "f", half="[a")
    os.utime(reader.path, times=(time.time() + shift_s,) * 2)
    with pytest.raises(ConfigurationError):
        read_settled(reader, reader.path)
    assert reader.reads == 1


def test_a_valid_file_is_read_once_whatever_its_age(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "f", half="[a]")
    assert read_settled(reader, reader.path) == "[a]"
    assert reader.reads == 1


def test_a_missing_file_is_not_awaited(tmp_path: Path) -> None:
    assert read_settled(lambda: "default", tmp_path / "f") == "default"
