"""Checks of libreswan: what strongSwan does not send, such as a redirection, and the same causes again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.ikev2.libreswan import pluto
from tests.real.ikev2.strongswan import charon
from tests.real.ikev2.world import Watcher, by_secret, only_by_secret, stages_of
from tests.real.namespaces import RoutedPath
from wgmon_tui.checks.verdict import Verdict

pytestmark = pytest.mark.thorough
GROUP_ASKED = "the server asked for the group modp2048"


@pytest.fixture
def watcher(path: RoutedPath, tmp_path: Path) -> Watcher:
    return Watcher(path, tmp_path / "monitor")


def redirecting_to(gateway: object) -> str:
    return f"global-redirect=yes\nglobal-redirect-to={gateway}\n"


def redirecting_later_to(gateway: object) -> str:
    return f"send-redirect=yes\nredirect-to={gateway}\n"


def test_both_sides_prove_themselves_and_the_session_ends(
    path: RoutedPath, watcher: Watcher, tmp_path: Path
) -> None:
    """It asks for another group first: INVALID_KE_PAYLOAD."""
    with pluto(path.server, tmp_path / "pluto") as server:
        found = watcher.look(by_secret(more='remote_id = "gate.test"\n'))

    assert found.diagnosis.verdict is Verdict.HEALTHY, found.diagnosis
    assert any(GROUP_ASKED in each for each in found.diagnosis.evidence)
    assert stages_of(found.check)["delete"] == "passed"
    assert "responder established IKE SA; authenticated peer using authby=secret" in server.log


def test_data_passes_or_the_kernel_of_the_server_is_a_cause(
    path: RoutedPath, watcher: Watcher, tmp_path: Path
) -> None:
    """Not every kernel of a test machine has ESP."""
    with pluto(path.server, tmp_path / "pluto") as server:
        found = watcher.look(by_secret(), tunnel=True, ping="10.77.2.2").diagnosis

    if "Function not implemented" in server.log:
        assert found.verdict is Verdict.SESSION_REFUSED, found
        assert "its kernel cannot" in found.causes[0].cause
    else:
        assert found.verdict is Verdict.HEALTHY, found


@pytest.mark.parametrize(
    "settings", [by_secret("wrong"), by_secret(local_id="nobody.test")], ids=["secret", "identity"]
)
def test_a_refusal_leaves_its_causes_where_the_server_lets_nobody_else_in(
    path: RoutedPath, watcher: Watcher, tmp_path: Path, settings: str
) -> None:
    with pluto(path.server, tmp_path / "pluto"):
        found = watcher.look(settings, explain=True).diagnosis

    assert found.verdict is Verdict.AUTH_FAILED
    assert not any(each.proven for each in found.causes)
    assert "another preshared key" in found.causes[0].cause
    assert "no connection for the identity" in found.causes[1].cause


def test_a_proposal_that_it_accepts_is_found(path: RoutedPath, watcher: Watcher, tmp_path: Path) -> None:
    with pluto(path.server, tmp_path / "pluto", connection="ike=aes128-sha1;modp2048\n"):
        found = watcher.look(by_secret()).diagnosis

    assert found.verdict is Verdict.UNPROVEN  # other clients may offer it
    assert found.causes[0].proven
    assert "aes128-sha1-prfsha1-modp2048" in found.causes[0].cause


def test_a_cookie_is_returned(path: RoutedPath, watcher: Watcher, tmp_path: Path) -> None:
    with pluto(path.server, tmp_path / "pluto", setup="ddos-mode=busy\n"):
        found = watcher.look(by_secret()).diagnosis

    assert found.verdict is Verdict.UNDER_LOAD, found


def test_a_redirection_is_followed_to_the_gateway(path: RoutedPath, watcher: Watcher, tmp_path: Path) -> None:
    """libreswan sends the client to a strongSwan on the router, which proves itself."""
    gateway = path.router_addresses[0]
    with (
        pluto(path.server, tmp_path / "pluto", setup=redirecting_to(gateway)),
        charon(path.router, tmp_path / "charon", only_by_secret()) as other,
    ):
        found = watcher.look(by_secret())
        assert other.sessions() == ""

    assert found.diagnosis.verdict is Verdict.HEALTHY, found.diagnosis
    assert f"at {gateway}, where the server sends clients" in found.diagnosis.summary


def test_a_redirection_by_a_server_that_has_proved_itself_is_followed(
    path: RoutedPath, watcher: Watcher, tmp_path: Path
) -> None:
    """In IKE_AUTH (RFC 5685 §6). The session with the first server ends."""
    gateway = path.router_addresses[0]
    with (
        pluto(path.server, tmp_path / "pluto", connection=redirecting_later_to(gateway)) as first,
        charon(path.router, tmp_path / "charon", only_by_secret()) as other,
    ):
        found = watcher.look(by_secret())
        assert other.sessions() == ""

    assert found.diagnosis.verdict is Verdict.HEALTHY, (found.diagnosis, first.log)
    assert f"at {gateway}, where the server sends clients" in found.diagnosis.summary
    assert "responder established IKE SA" in first.log
    assert "deleting state (STATE_V2_ESTABLISHED_IKE_SA)" in first.log


@pytest.mark.parametrize("is_later", [False, True], ids=["IKE_SA_INIT", "IKE_AUTH"])
def test_a_redirection_to_a_silent_gateway_is_down(
    path: RoutedPath, watcher: Watcher, tmp_path: Path, is_later: bool
) -> None:
    gateway = path.absent_address(4)
    setup, connection = redirecting_to(gateway), redirecting_later_to(gateway)
    lines = {"connection": connection} if is_later else {"setup": setup}
    with pluto(path.server, tmp_path / "pluto", **lines):
        found = watcher.look(by_secret(), explain=True).diagnosis

    assert found.verdict is Verdict.SILENT, found
    assert str(gateway) in found.summary
    assert all(str(gateway) in each.cause for each in found.causes)
