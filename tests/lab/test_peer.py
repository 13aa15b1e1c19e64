from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks import tai64n
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.lab.models import LabPeer
from wgmon_tui.lab.peer import PeerState
from wgmon_tui.protocols.wireguard.session import Session

PEER = LabPeer(PrivateKey.generate().public)
SECOND_NS = 1_000_000_000


def session(index: int) -> Session:
    return Session(send_key=bytes(32), receive_key=bytes(32), local_index=index, remote_index=0)


@given(st.lists(st.integers(0, 2**62), min_size=1))
def test_only_a_stamp_later_than_all_before_it_is_admitted(times: list[int]) -> None:
    state, greatest = PeerState(PEER), -1
    for second, unix_ns in enumerate(times):
        assert state.accept_initiation(tai64n.encode(unix_ns), now_s=float(second)) == (unix_ns > greatest)
        greatest = max(greatest, unix_ns)


def test_a_second_initiation_within_twenty_milliseconds_is_a_flood() -> None:
    state = PeerState(PEER)
    assert state.accept_initiation(tai64n.encode(1), now_s=5.0)
    assert not state.accept_initiation(tai64n.encode(2), now_s=5.019)


def test_a_dropped_initiation_starts_no_new_flood_window_and_spends_no_stamp() -> None:
    state = PeerState(PEER)
    assert state.accept_initiation(tai64n.encode(1), now_s=5.0)
    assert not state.accept_initiation(tai64n.encode(2), now_s=5.019)
    assert state.accept_initiation(tai64n.encode(2), now_s=5.021)


def test_three_sessions_stay_open_and_the_oldest_goes_for_a_fourth() -> None:
    state = PeerState(PEER)
    assert [state.add_session(session(index)) for index in range(5)] == [None, None, None, 0, 1]
    assert list(state.sessions) == [2, 3, 4]
