"""Commands whose files are devices without an end, or larger than any disk: each ends with its own code."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon.harness import CLIENT, quick_server, write_config
from tests.forked_program import run_program
from tests.parameters import default_rows
from wgmon_tui.store.identity_lock import identity_digest

TERABYTE = 1 << 40
STAMP = "stamps/STAMP"
SUBSCRIPTION = '[[subscription]]\nname = "list"\nurl = "http://127.0.0.1:9/"\n'


def make_endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_enormous(path: Path) -> None:
    path.touch(0o600)
    os.truncate(path, TERABYTE)


@pytest.mark.parametrize("make", [make_endless, make_enormous])
@pytest.mark.parametrize(
    ("name", "words", "code"),
    default_rows(
        {0, 3, 5},
        [
            ("config.toml", ("config", "--check"), 64),
            ("servers.toml", ("config", "--check"), 64),
            ("servers.toml", (), 64),
            ("config.toml", (), 64),
            ("servers.toml", ("probe", "--quick"), 64),
            (STAMP, ("doctor",), None),
        ],
    ),
)
def test_a_command_ends_whatever_is_in_the_place_of_its_file(
    name: str, words: tuple[str, ...], code: int | None, make: Callable[[Path], None], tmp_path: Path
) -> None:
    write_config(tmp_path, quick_server("fra1"))
    (tmp_path / "config.toml").write_text(SUBSCRIPTION)
    (tmp_path / "stamps").mkdir(mode=0o700)
    path = tmp_path / name.replace("STAMP", identity_digest(CLIENT.public).hex())
    path.unlink(missing_ok=True)
    make(path)
    ran = run_program(*words, "--config", tmp_path, "--state", tmp_path)
    assert ran.code == code if code is not None else ran.code < 70, ran.err
    if code is not None:
        assert len(ran.err.splitlines()) == 1
        assert name in ran.err.decode()
