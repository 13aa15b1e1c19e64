"""The source distribution, built and unpacked: its tests find all that they read."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(words: Sequence[str | Path], cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, check=False, cwd=cwd, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="needs hatchling, from the dev extra")
    directory = tmp_path_factory.mktemp("sdist")
    run(["hatchling", "build", "-t", "sdist", "-d", directory], ROOT)
    [archive] = directory.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(directory, filter="data")
    [found] = (each for each in directory.iterdir() if each.is_dir())
    return found


@pytest.mark.thorough  # builds it, and imports every test
def test_every_test_of_the_sdist_collects(unpacked: Path) -> None:
    collected = run(["pytest", "--collect-only", "-m", "", "-p", "no:cacheprovider"], unpacked)
    files = {line.partition("::")[0] for line in collected.splitlines() if "::" in line}
    assert files == {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}


@pytest.mark.thorough  # builds it
def test_the_pages_of_the_sdist_are_current(unpacked: Path) -> None:
    assert "passed" in run(["pytest", "tests/test_docs.py", "-p", "no:cacheprovider"], unpacked)
