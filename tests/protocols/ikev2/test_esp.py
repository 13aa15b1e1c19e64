"""ESP packets, against scapy's implementation and for themselves."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.ikev2.esp_sessions import HERE, SUITES, THERE, Suite, keys_of, request, sessions
from tests.scapy_oracle import needs_scapy
from wgmon_tui.net.inner_packets import EchoReply, parse
from wgmon_tui.protocols.ikev2.esp import (
    IPV4,
    IPV6,
    NAT_KEEPALIVE,
    EspAlgorithms,
    EspError,
    EspExhaustedError,
    EspKeys,
    EspReplayError,
    EspReplayWindow,
)
from wgmon_tui.protocols.ikev2.proposals import Encryption, Transform, TransformType

each_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda each: each.name)


def scapy_association(suite: Suite, spi: int, keys: EspKeys) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from scapy.layers.inet import IP
        from scapy.layers.ipsec import ESP, SecurityAssociation
    make: Any = SecurityAssociation
    return make(
        ESP,
        spi=spi,
        crypt_algo=suite.scapy_encryption,
        crypt_key=keys.encryption,
        auth_algo=suite.scapy_integrity,
        auth_key=keys.integrity or None,
        tunnel_header=IP(src="192.0.2.1", dst="192.0.2.2"),
    )


@needs_scapy
@each_suite
def test_scapy_opens_what_is_sent(suite: Suite) -> None:
    from scapy.layers.inet import IP
    from scapy.layers.ipsec import ESP

    forth, _ = keys_of(suite)
    packet = sessions(suite)[0].seal(request())
    opened = scapy_association(suite, THERE, forth).decrypt(
        IP(src="192.0.2.1", dst="192.0.2.2") / ESP(packet)
    )
    assert bytes(opened) == request()


@needs_scapy
@each_suite
def test_what_scapy_sends_is_opened(suite: Suite) -> None:
    from scapy.layers.inet import IP
    from scapy.layers.ipsec import ESP

    _, back = keys_of(suite)
    sealed = scapy_association(suite, HERE, back).encrypt(IP(request()), seq_num=5)
    opened = sessions(suite)[0].open(bytes(sealed[ESP]))
    assert (opened.next_header, opened.data) == (IPV4, request())


@each_suite
@pytest.mark.parametrize("version", [4, 6])
def test_a_packet_comes_back_whole_whatever_its_size(suite: Suite, version: int) -> None:
    here, there = sessions(suite)
    for size in range(60, 90):
        opened = there.open(here.seal(request(version, size)))
        assert opened.data == request(version, size)
        assert opened.next_header == (IPV4 if version == 4 else IPV6)


@each_suite
def test_a_changed_packet_is_not_authentic(suite: Suite) -> None:
    here, there = sessions(suite)
    packet = here.seal(request())
    for at in (4, 8, len(packet) // 2, len(packet) - 1):
        changed = packet[:at] + bytes((packet[at] ^ 1,)) + packet[at + 1 :]
        with pytest.raises(EspError, match="not authentic"):
            there.open(changed)
    assert there.open(packet).data == request()


def test_a_repeated_packet_is_refused() -> None:
    here, there = sessions(SUITES[0])
    packet = here.seal(request())
    there.open(packet)
    with pytest.raises(EspReplayError):
        there.open(packet)


def test_the_other_direction_is_another_association() -> None:
    here, _ = sessions(SUITES[0])
    with pytest.raises(EspError, match="another SPI"):
        here.open(here.seal(request()))


def test_the_window_takes_numbers_out_of_order_and_none_that_is_too_old() -> None:
    window = EspReplayWindow()
    assert not window.can_accept(0)
    for number in (5, 3, 2000):
        assert window.can_accept(number)
        window.mark(number)
        assert not window.can_accept(number)
    assert window.can_accept(2000 - window.SIZE + 1)
    assert not window.can_accept(2000 - window.SIZE)


def test_no_sequence_number_comes_twice() -> None:
    here, _ = sessions(SUITES[0])
    here._next = 2**32 - 1
    here.seal(request())
    with pytest.raises(EspExhaustedError):
        here.seal(request())


def test_a_session_is_never_copied_and_shows_no_key() -> None:
    here, _ = sessions(SUITES[0])
    with pytest.raises(TypeError):
        pickle.dumps(here)
    assert "encryption" not in repr(keys_of(SUITES[0]))
    assert repr(here.sending) == "EspDirection(spi=0x55667788)"


@given(st.binary(max_size=200), st.sampled_from(SUITES))
def test_no_bytes_are_believed(data: bytes, suite: Suite) -> None:
    here, _ = sessions(suite)
    for packet in (data, HERE.to_bytes(4, "big") + data, NAT_KEEPALIVE):
        with pytest.raises(EspError):
            here.open(packet)


def test_the_algorithms_are_those_of_the_proposal() -> None:
    gcm = [Transform(TransformType.ENCRYPTION, 20, 256), Transform(TransformType.SEQUENCE_NUMBERS, 0)]
    assert EspAlgorithms.of(gcm) == EspAlgorithms(Encryption.AES_GCM_16, 32)
    cbc = [Transform(TransformType.ENCRYPTION, 12, 128), Transform(TransformType.INTEGRITY, 12)]
    assert EspAlgorithms.of(cbc).key_material_length == 2 * (16 + 32)


@pytest.mark.parametrize(
    "transforms",
    [
        [],
        [Transform(TransformType.ENCRYPTION, 12, 128)],
        [Transform(TransformType.ENCRYPTION, 3)],
        [Transform(TransformType.ENCRYPTION, 20)],
    ],
)
def test_a_proposal_without_what_esp_needs_is_refused(transforms: list[Transform]) -> None:
    with pytest.raises(ValueError, match=r"no |not a valid"):
        EspAlgorithms.of(transforms)


def test_an_echo_passes_through_both_directions() -> None:
    here, there = sessions(SUITES[0])
    asked = there.open(here.seal(request())).data
    answer = bytearray(asked)
    answer[12:16], answer[16:20] = asked[16:20], asked[12:16]
    answer[20] = 0
    found = parse(here.open(there.seal(bytes(answer))).data)
    assert isinstance(found, EchoReply)
    assert (found.identifier, found.sequence) == (7, 1)
