"""Tests of what the relay does to packets."""

from __future__ import annotations

from itertools import groupby, pairwise

import pytest

from tests.real.relay_settings import (
    AnswerFrom,
    Forgery,
    Killer,
    OneWay,
    Per,
    RelaySettings,
    Towards,
    both_ways,
    settings_from_json,
)
from tests.real.relay_traffic import Traffic
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.protocols.wireguard.wire import (
    INITIATION_LENGTH,
    RESPONSE_LENGTH,
    TRANSPORT_OVERHEAD,
    MessageType,
    message_type,
)

FLOW, OTHER_FLOW = ("10.0.0.1", 1), ("10.0.0.1", 2)
BOTH = (Towards.SERVER, Towards.CLIENT)
OURS, THEIRS = b"\1" * 4, b"\2" * 4
INITIATION = b"\1\0\0\0" + OURS + bytes(INITIATION_LENGTH - 8)
RESPONSE = b"\2\0\0\0" + THEIRS + OURS + bytes(RESPONSE_LENGTH - 12)
KEEPALIVE = b"\4\0\0\0" + THEIRS + bytes(TRANSPORT_OVERHEAD - 8)


def data(inner: int = 80, receiver: bytes = THEIRS) -> bytes:
    return b"\4\0\0\0" + receiver + bytes(TRANSPORT_OVERHEAD - 8 + inner)


def passes(
    traffic: Traffic,
    packet: bytes,
    towards: Towards = Towards.SERVER,
    now: float = 0.0,
    flow: tuple[str, int] = FLOW,
) -> bool:
    return bool(traffic.decide(towards, flow, packet, now))


def test_settings_survive_their_json() -> None:
    settings = RelaySettings(
        OneWay(delay_s=1.5, largest_inner=600),
        OneWay(loss=0.3, lose_first=1),
        Killer(packets=10, per=Per.SESSION, blocks=(Towards.CLIENT,)),
        AnswerFrom.OTHER_ADDRESS,
        Forgery(("key",), instead=True),
        seed=4,
    )
    assert settings_from_json(settings.to_json()) == settings
    assert settings_from_json(RelaySettings().to_json()) == RelaySettings()


def test_each_direction_has_its_own_delay() -> None:
    traffic = Traffic(RelaySettings(OneWay(delay_s=1.0), OneWay(delay_s=3.0)))
    delays = [traffic.decide(towards, FLOW, INITIATION, 0.0)[0].after for towards in BOTH]
    assert delays == [1.0, 3.0]


def test_jitter_reorders() -> None:
    traffic = Traffic(both_ways(jitter_s=0.1))
    delays = [traffic.decide(Towards.SERVER, FLOW, INITIATION, 0.0)[0].after for _ in range(50)]
    assert delays != sorted(delays)
    assert all(0 <= each <= 0.1 for each in delays)


def test_loss_follows_the_seed() -> None:
    def lost(seed: int) -> list[bool]:
        traffic = Traffic(RelaySettings(OneWay(loss=0.3), seed=seed))
        return [not passes(traffic, INITIATION) for _ in range(1000)]

    assert lost(1) == lost(1) != lost(2)
    assert 200 < sum(lost(1)) < 400


def test_even_loss_takes_its_share_of_each_flow_and_never_two_in_a_row() -> None:
    traffic = Traffic(RelaySettings(OneWay(even_loss=0.3)))
    for flow in (FLOW, OTHER_FLOW):
        passed = [passes(traffic, INITIATION, flow=flow) for _ in range(100)]
        assert passed.count(False) == 30
        assert (False, False) not in pairwise(passed)


def test_even_loss_both_ways_loses_at_most_two_round_trips_in_a_row() -> None:
    """So of two checks in a row with two initiations each, one is answered."""
    traffic = Traffic(both_ways(even_loss=0.3))
    lost = [
        not (passes(traffic, INITIATION) and passes(traffic, RESPONSE, Towards.CLIENT)) for _ in range(1000)
    ]
    assert sum(lost) == 510
    assert max(len(list(run)) for is_lost, run in groupby(lost) if is_lost) == 2


def test_the_first_packet_of_each_flow_is_lost() -> None:
    traffic = Traffic(RelaySettings(OneWay(lose_first=1)))
    assert [passes(traffic, INITIATION, flow=flow) for flow in (FLOW, FLOW, OTHER_FLOW)] == [
        False,
        True,
        False,
    ]


def test_a_limit_of_datagrams_covers_handshakes() -> None:
    traffic = Traffic(both_ways(largest_datagram=INITIATION_LENGTH - 1))
    assert [passes(traffic, packet) for packet in (INITIATION, RESPONSE)] == [False, True]


def test_a_limit_of_inner_packets_covers_data_only() -> None:
    traffic = Traffic(both_ways(largest_inner=80))
    assert [passes(traffic, packet) for packet in (INITIATION, data(80), data(96))] == [True, True, False]


def test_one_of_three_data_packets_passes() -> None:
    traffic = Traffic(RelaySettings(OneWay(one_data_packet_of=3)))
    assert [passes(traffic, data()) for _ in range(6)] == [True, False, False, True, False, False]
    assert passes(traffic, KEEPALIVE)
    assert passes(traffic, data(), Towards.CLIENT)


def test_data_is_blocked_but_handshakes_pass() -> None:
    traffic = Traffic(both_ways(one_data_packet_of=0))
    assert [passes(traffic, each) for each in (INITIATION, KEEPALIVE, data())] == [True, True, False]


@pytest.mark.parametrize("limit", [{"packets": 3}, {"size": 3 * len(data())}, {"seconds": 3.0}])
def test_a_killer_cuts_a_flow_for_good(limit: dict[str, float]) -> None:
    traffic = Traffic(RelaySettings(killer=Killer(**limit)))  # type: ignore[arg-type]
    assert [passes(traffic, data(), now=second) for second in range(5)] == [True, True, True, False, False]
    assert not passes(traffic, data(), Towards.CLIENT, now=5)
    assert passes(traffic, INITIATION, now=5)
    assert passes(traffic, data(), now=5, flow=OTHER_FLOW)


def test_a_killer_counts_both_directions_and_blocks_one() -> None:
    traffic = Traffic(RelaySettings(killer=Killer(packets=2, blocks=(Towards.CLIENT,))))
    assert passes(traffic, data())
    assert passes(traffic, data(receiver=OURS), Towards.CLIENT)
    assert not passes(traffic, data(receiver=OURS), Towards.CLIENT)
    assert passes(traffic, data())


def test_a_killer_can_block_handshakes_too() -> None:
    traffic = Traffic(RelaySettings(killer=Killer(packets=1, spares_handshakes=False)))
    assert [passes(traffic, each) for each in (INITIATION, data(), INITIATION)] == [True, True, False]


def test_a_killer_of_sessions_spares_the_next_session_of_the_flow() -> None:
    traffic = Traffic(RelaySettings(killer=Killer(packets=2, per=Per.SESSION)))
    assert passes(traffic, RESPONSE, Towards.CLIENT)
    assert passes(traffic, data(receiver=THEIRS))
    assert passes(traffic, data(receiver=OURS), Towards.CLIENT)
    assert not passes(traffic, data(receiver=THEIRS))
    next_response = RESPONSE[:4] + b"\4" * 4 + b"\3" * 4 + RESPONSE[12:]
    assert passes(traffic, next_response, Towards.CLIENT)
    assert passes(traffic, data(receiver=b"\4" * 4))


def test_a_forged_response_comes_before_the_true_one_or_instead_of_it() -> None:
    clients = tuple(str(PrivateKey.generate().public) for _ in range(2))
    for instead in (False, True):
        traffic = Traffic(RelaySettings(forgery=Forgery(clients, instead)))
        deliveries = traffic.decide(Towards.SERVER, FLOW, INITIATION, 0.0)
        forged = [each for each in deliveries if each.towards is Towards.CLIENT]
        assert [message_type(each.packet) for each in forged] == [MessageType.RESPONSE] * 2
        assert {each.packet[8:12] for each in forged} == {OURS}
        assert len(deliveries) - len(forged) == (not instead)


def test_another_service_answers_everything_itself() -> None:
    traffic = Traffic(RelaySettings(service_answer="220 ready\r\n"))
    (answer,) = traffic.decide(Towards.SERVER, FLOW, INITIATION, 0.0)
    assert (answer.towards, answer.packet) == (Towards.CLIENT, b"220 ready\r\n")


def test_data_can_wait_longer_than_handshakes() -> None:
    traffic = Traffic(RelaySettings(to_server=OneWay(delay_s=0.1, data_delay_s=1.0)))
    waits = [traffic.decide(Towards.SERVER, FLOW, each, 0.0)[0].after for each in (INITIATION, data())]
    assert waits == [0.1, 1.1]
