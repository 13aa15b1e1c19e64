"""Checks beside a live user, a second strongSwan: its session must survive them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real.ikev2.matrix import has_session
from tests.real.ikev2.row import client_by_secret
from tests.real.ikev2.strongswan import Charon, charon
from tests.real.ikev2.world import SECRET, USER, Watcher, by_secret, configuration, strongswan
from tests.real.namespaces import RoutedPath
from wgmon_tui.checks.verdict import Verdict

_LIVE = f"""
  live {{
    version = 2
    unique = replace
    local {{ auth = psk
      id = gate.test }}
    remote {{ auth = psk
      id = {USER} }}
    pools = inner
    children {{ net {{ local_ts = 0.0.0.0/0 }} }}
  }}"""
_LIVE_SECRET = f'ike-live {{ id = {USER}\n secret = "{SECRET}" }}'
_PLUGINS = "kernel-libipsec kernel-netlink"


@contextmanager
def live_user(path: RoutedPath, directory: Path) -> Iterator[tuple[Charon, Charon]]:
    """A server that allows one session for each identity, and a user with a session."""
    conf = configuration(_LIVE, _LIVE_SECRET)
    with (
        strongswan(path, directory / "server", conf=conf, plugins=_PLUGINS) as server,
        charon(path.client, directory / "user", client_by_secret(local_id=USER), plugins=_PLUGINS) as user,
    ):
        done = user.run("--initiate", "--child", "net", "--timeout", "10")
        assert done.returncode == 0, done.stdout
        yield server, user


def _session_of_the_user(server: Charon) -> str:
    """The line of the user's session, with its number and SPIs; "" without one."""
    return next((line for line in server.sessions().splitlines() if line.startswith("live:")), "")


def test_checks_with_a_dedicated_identity_do_not_touch_a_live_user(path: RoutedPath, tmp_path: Path) -> None:
    with live_user(path, tmp_path) as (server, user):
        before = _session_of_the_user(server)
        assert before
        watcher = Watcher(path, tmp_path / "watcher")
        for _ in range(3):
            outcome = watcher.look(by_secret(), tunnel=True, ping="10.77.2.2")
            assert outcome.diagnosis.verdict is Verdict.HEALTHY
        assert _session_of_the_user(server) == before
        assert "ESTABLISHED" in user.sessions()


@pytest.mark.thorough
def test_an_identity_that_may_be_shared_is_not_used(path: RoutedPath, tmp_path: Path) -> None:
    shared = by_secret(local_id=USER)
    with live_user(path, tmp_path) as (server, user):
        before = _session_of_the_user(server)
        watcher = Watcher(path, tmp_path / "watcher")
        outcome = watcher.look(shared.replace("dedicated = true", ""), explain=True)
        assert outcome.diagnosis.verdict is Verdict.UNPROVEN
        assert "dedicated = true" in outcome.diagnosis.causes[0].fix
        assert _session_of_the_user(server) == before
        # The danger is real: with the acknowledgement, the server replaces the session of the user.
        watcher.look(shared)
        assert _session_of_the_user(server) != before
        assert has_session(user, wants_child=False)
