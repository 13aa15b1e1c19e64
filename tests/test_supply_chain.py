"""The lock files of requirements/ against pyproject.toml, and who installs from them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

EXTRAS_OF_LOCK = {
    "run.txt": ("alerts", "prometheus"),
    "dev.txt": ("alerts", "prometheus", "test", "dev"),
    "oldest.txt": ("alerts", "prometheus", "test"),
}
GROUPS_OF_LOCK = {"release.txt": ("build", "release"), "tools.txt": ("lock",)}
LOCKS = sorted((*EXTRAS_OF_LOCK, *GROUPS_OF_LOCK))


def entries(lock: str) -> list[str]:
    """The packages of a lock file with their hashes, one line each."""
    text = (ROOT / "requirements" / lock).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pinned(lock: str) -> dict[str, set[Version]]:
    """Versions by package name. There are several if they differ between platforms."""
    found: dict[str, set[Version]] = {}
    for entry in entries(lock):
        name, _, version = entry.split()[0].partition("==")
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    return found


def direct(lock: str) -> Iterator[Requirement]:
    """What pyproject.toml asks for in this lock file."""
    project = PROJECT["project"]
    asked = list(project["dependencies"]) if lock in EXTRAS_OF_LOCK else []
    for extra in EXTRAS_OF_LOCK.get(lock, ()):
        asked += project["optional-dependencies"][extra]
    for group in GROUPS_OF_LOCK.get(lock, ()):
        asked += [each for each in PROJECT["dependency-groups"][group] if isinstance(each, str)]
    return (each for each in map(Requirement, asked) if each.name != project["name"])


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_has_what_pyproject_asks_for(lock: str) -> None:
    versions = pinned(lock)
    for requirement in direct(lock):
        locked = versions.get(canonicalize_name(requirement.name), set())
        assert locked, f"{requirement} is not locked: type `make lock`"
        assert all(each in requirement.specifier for each in locked), f"{requirement}: type `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_locked_by_hash_and_no_index_or_path_is_named(lock: str) -> None:
    for entry in entries(lock):
        assert re.match(r"[A-Za-z0-9._-]+==\S+ ", entry), entry
        assert "--hash=sha256:" in entry, entry
    text = (ROOT / "requirements" / lock).read_text()
    assert not re.search(r"://|--index|--find-links|file:|(^|\s)/", text)


def lowest(specifier: SpecifierSet) -> Version:
    [bound] = [each.version for each in specifier if each.operator in (">=", "==")]
    return Version(bound)


def test_the_oldest_versions_are_the_lower_bounds() -> None:
    versions = pinned("oldest.txt")
    for requirement in direct("oldest.txt"):
        [oldest] = versions[canonicalize_name(requirement.name)]
        bound = lowest(requirement.specifier)
        # The first release of a series may have another number, such as 8.2.0 for 8.
        assert oldest.release[: len(bound.release)] == bound.release, requirement


@pytest.mark.parametrize("recipe", ["Makefile", "Containerfile", ".ci/run", ".github/workflows/ci.yml"])
def test_recipes_install_from_lock_files_only(recipe: str) -> None:
    text = (ROOT / recipe).read_text().replace("\\\n", " ")
    for line in re.findall(r".*pip install.*", text):
        # `make run` is for who tries the program: it takes what pip resolves.
        assert re.search(r"--require-hashes|--no-deps", line) or "--editable ." in line, line


def test_the_security_policy_names_no_address() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    assert "private vulnerability reports" in text
    assert "@" not in text
