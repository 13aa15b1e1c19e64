"""Checks of Debian's strongSwan: each way to authenticate, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.ikev2.strongswan import Charon
from tests.real.ikev2.world import (
    SIGNATURES,
    Watcher,
    by_certificate,
    by_password,
    by_secret,
    stages_of,
    strongswan,
)
from tests.real.namespaces import RoutedPath
from wgmon_tui.checks.verdict import Verdict


@pytest.fixture(scope="module")
def server(path: RoutedPath, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Charon]:
    with strongswan(path, tmp_path_factory.mktemp("charon")) as started:
        yield started


@pytest.fixture
def watcher(server: Charon, path: RoutedPath, tmp_path: Path) -> Watcher:
    return Watcher(path, tmp_path)


METHODS = {
    "preshared key": by_secret(),
    **{f"{kind} certificate": by_certificate(kind) for kind in SIGNATURES},
    "EAP-MSCHAPv2": by_password(),
}


@pytest.mark.parametrize("method", METHODS)
def test_each_method_authenticates_both_sides_and_leaves_no_session(
    watcher: Watcher, server: Charon, method: str
) -> None:
    outcome = watcher.look(METHODS[method])
    assert outcome.diagnosis.verdict is Verdict.HEALTHY, outcome.diagnosis
    assert stages_of(outcome.check) == {
        "resolve": "not-run",
        "reach": "passed",
        "sa-init": "passed",
        "authenticate": "passed",
        "tunnel": "not-run",
        "delete": "passed",
    }
    assert server.sessions() == ""
