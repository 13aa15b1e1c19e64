"""Mutated configuration files are accepted, or refused on one line (long form: tests/harm/mutations.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harm.mutations import KINDS, Kind, mutate_kind

_COUNT = 150


_REMARKS = {"wg0.netdev": 1, "confs.zip": 2}
"""Remarks on whole files: a foreign format, and a server that stands in three files of an archive."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_whole_file_is_good(kind: Kind, tmp_path: Path) -> None:
    name = kind.name.partition(" ")[0]
    (tmp_path / name).write_bytes(kind.whole)
    (tmp_path / name).chmod(0o600)
    lines = kind.lines(tmp_path, name)
    assert len(lines) == _REMARKS.get(kind.name, 0), lines


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_mutated_file_is_accepted_or_refused_on_one_line(kind: Kind, tmp_path: Path) -> None:
    outcome = mutate_kind(kind, _COUNT, 1, tmp_path)
    assert outcome.broken == []
    assert outcome.counts["refused"] or outcome.counts["with remarks"]
