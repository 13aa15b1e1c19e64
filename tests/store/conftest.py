from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.sql_stores import Store
from tests.store.writer_run import Life


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "history.db")
    yield made
    made.close()


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path)
    yield made
    made.stop()
