from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.boringtun import Boringtun
from tests.real.namespaces import RoutedPath, namespace, routed_path, settings_of
from tests.real.prerequisites import require
from tests.real.server import RealServer
from tests.real.wireguard_go import WireguardGo


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def path() -> Iterator[RoutedPath]:
    """Namespaces client - router - server."""
    require("ip", "nft", root=True)
    with routed_path() as made:
        yield made


@pytest.fixture(autouse=True)
def path_as_found(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that takes something from the common namespaces, not one that comes after it."""
    path = request.getfixturevalue("path") if "path" in request.fixturenames else None
    if not isinstance(path, RoutedPath):  # another module's own
        yield
        return
    before = settings_of(path)
    yield
    after = settings_of(path)
    assert before.addresses_and_routes <= after.addresses_and_routes
    assert after.filters <= before.filters


@pytest.fixture
def isolated_namespace() -> Iterator[str]:
    """A namespace with only loopback."""
    require("ip", root=True)
    with namespace("n") as name:
        yield name


@pytest.fixture(scope="session")
def wireguard_go(path: RoutedPath) -> Iterator[WireguardGo]:
    """wireguard-go behind a router."""
    require("wireguard-go", "wg", root=True)
    server = WireguardGo(path)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def boringtun() -> Iterator[Boringtun]:
    """boringtun on loopback."""
    server = Boringtun()
    yield server
    server.stop()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> RealServer:
    """The implementation named by the test's parameter."""
    found: RealServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def short_lived(request: pytest.FixtureRequest) -> Iterator[RealServer]:
    """The same, but the test may stop the server."""
    made: RealServer
    if request.param == "boringtun":
        made = Boringtun()
    else:
        require("wireguard-go", "wg", root=True)
        made = WireguardGo(request.getfixturevalue("path"), port=51900)
    yield made
    made.stop()
