from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.net.checksum import internet_checksum, udp_checksum


def sum_by_rfc_1071(data: bytes) -> int:
    """The sum as RFC 1071 section 1 defines it: per word, each carry added at once."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_the_example_of_rfc_1071_has_the_sum_that_is_printed_there() -> None:
    assert internet_checksum(bytes.fromhex("0001 f203 f4f5 f6f7")) == 0xFFFF - 0xDDF2


def test_an_ipv4_header_has_the_checksum_that_a_kernel_wrote() -> None:
    header = bytes.fromhex("4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7")
    assert internet_checksum(header) == 0xB861


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"", 0xFFFF),
        (bytes(2), 0xFFFF),
        (b"\xff\xff", 0),
        (b"\xff\xff\x00\x01", 0xFFFE),  # one carry
        (b"\xff\xff" * 3 + b"\x00\x01", 0xFFFE),
        (b"\x80\x00" * 2, 0xFFFE),  # only the carry is left
    ],
)
def test_carries_come_back_in_at_the_low_end(data: bytes, checksum: int) -> None:
    assert internet_checksum(data) == checksum


@given(st.binary(max_size=200))
def test_any_data_has_the_checksum_of_the_definition(data: bytes) -> None:
    assert internet_checksum(data) == sum_by_rfc_1071(data) ^ 0xFFFF


@given(st.binary(max_size=99).map(lambda data: data + bytes(1 - len(data) % 2)))
def test_an_odd_last_byte_counts_as_if_a_zero_byte_followed(data: bytes) -> None:
    assert len(data) % 2
    assert internet_checksum(data) == internet_checksum(data + b"\0")


@given(st.integers(1, 40_000))
def test_the_carry_of_a_carry_is_added_too(words: int) -> None:
    # Any number of 0xFFFF words sums up to 0xFFFF, which only repeated folding finds.
    assert internet_checksum(b"\xff\xff" * words) == 0


@given(st.binary(max_size=200).map(lambda data: data[: len(data) // 2 * 2]))
def test_data_with_its_own_checksum_sums_up_to_nothing(data: bytes) -> None:
    assert internet_checksum(data + internet_checksum(data).to_bytes(2, "big")) == 0


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_the_order_of_the_words_does_not_matter(one: bytes, other: bytes) -> None:
    one, other = one[: len(one) // 2 * 2], other[: len(other) // 2 * 2]
    assert internet_checksum(one + other) == internet_checksum(other + one)


def test_udp_never_writes_the_zero_that_says_there_is_no_checksum() -> None:
    assert internet_checksum(b"\xff\xff") == 0
    assert udp_checksum(b"\xff\xff") == 0xFFFF
    assert udp_checksum(b"\x00\x01") == 0xFFFE
