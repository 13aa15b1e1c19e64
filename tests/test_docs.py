"""The pages that the code writes are the ones that are there, and pages do not contradict each other."""

from __future__ import annotations

import re
import tomllib
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from docs.make import HERE, PAGES

ROOT = HERE.parent


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name: str) -> None:
    assert (HERE / name).read_text() == PAGES[name](), "type `make docs`"


@pytest.mark.parametrize(
    "page", ["docs/history.md", "docs/alerts.md", "docs/configuration.md", "docs/config-toml.md"]
)
def test_every_page_says_that_a_change_of_config_toml_takes_effect_at_once(page: str) -> None:
    text = " ".join((ROOT / page).read_text().split())
    assert "effect within a second of being saved" in text
    assert "a change is taken up by a reload" not in text


HAND_WRITTEN = [
    ROOT / "CONTRIBUTING.md",
    HERE / "README.md",
    HERE / "architecture.md",
    *sorted((HERE / "adr").glob("*.md")),
]
IN_CODE = re.compile(r"`([\w/]+\.py)(?:: (\w[\w.]*))?`")
"""A file, or what a file defines: `alerts/outbox.py: Outbox.expand`."""


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=_name)
def test_what_a_page_names_in_the_code_exists(page: Path) -> None:
    for path, name in IN_CODE.findall(page.read_text()):
        if "/" not in path or "NAME" in path:
            continue  # beside one that is named in full, or a pattern
        [found] = [each for each in (ROOT / path, ROOT / "wgmon_tui" / path) if each.exists()] or [None]
        assert found, path
        if name:
            module = import_module(
                _name(found).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            )
            assert reduce(getattr, name.split("."), module), (path, name)


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=_name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_the_index() -> None:
    index = (HERE / "README.md").read_text()
    pages = [path for path in HERE.glob("*.md") if path.name != "README.md"]
    assert [path.name for path in pages if f"]({path.name})" not in index] == []
    decisions = (HERE / "adr" / "README.md").read_text()
    numbered = (HERE / "adr").glob("0*.md")
    assert [path.name for path in numbered if f"]({path.name})" not in decisions] == []


def test_the_layers_of_the_architecture_are_those_of_the_contract() -> None:
    contract = _pyproject()["tool"]["importlinter"]["contracts"][0]
    layers = "\n".join(layer.replace("wgmon_tui.", "") for layer in contract["layers"])
    assert f"```\n{layers}\n```" in (HERE / "architecture.md").read_text()


def test_hosted_ci_runs_on_every_python_that_is_promised() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    promised = re.findall(r"Python :: (3\.\d+)", " ".join(_pyproject()["project"]["classifiers"]))
    linux, macos = workflow.split("\n  macos:\n")
    [matrix] = re.findall(r"python: \[(.*)\]", linux)
    assert re.findall(r"[\d.]+", matrix) == promised
    assert "run: bash .ci/run" in linux
    assert "runs-on: macos-latest" in macos
    assert "run: make test" in macos


def _pyproject() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())
