"""What the client tells of data that came early (RFC 2018)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.net.tcp.test_hostile_segments import FIRST, HERE, THEIRS, THERE, connected
from tests.scapy_oracle import needs_scapy
from wgmon_tui.net.tcp.client import TcpClient
from wgmon_tui.net.tcp.reassembly import Reassembly
from wgmon_tui.net.tcp.segment import Flag, Segment, encode

EXPECTED = 2**32 - 10  # so that numbers wrap
pieces = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), min_size=1, max_size=12)


def sequence(offset: int) -> int:
    return (EXPECTED + offset) % 2**32


def runs(offsets: set[int]) -> set[tuple[int, int]]:
    """The runs of offsets without a gap, as sequence numbers."""
    found: list[list[int]] = []
    for each in sorted(offsets):
        if found and each == found[-1][-1] + 1:
            found[-1].append(each)
        else:
            found.append([each])
    return {(sequence(run[0]), sequence(run[-1] + 1)) for run in found}


@given(pieces)
def test_the_islands_are_the_runs_of_what_came_behind_a_gap(received: list[tuple[int, int]]) -> None:
    reassembly = Reassembly(EXPECTED, 2**20)
    there: set[int] = set()
    for offset, length in received:
        reassembly.add(sequence(offset), bytes(length))
        there |= set(range(offset, offset + length))
        in_order = next(each for each in range(100) if each not in there)
        assert reassembly.expected == sequence(in_order)
        assert set(reassembly.islands) == runs({each for each in there if each > in_order})
        if offset > in_order:
            first, behind = reassembly.islands[0]
            assert (sequence(offset) - first) % 2**32 < (behind - first) % 2**32


def early(client: TcpClient, offset: int) -> Segment:
    """What the client answers to ten bytes at an offset."""
    client.segments()
    client.receive(
        Segment(80, 40_000, (THEIRS + 1 + offset) % 2**32, FIRST + 1, Flag.ACK, 65_535, bytes(10)), 0.2
    )
    return client.segments()[-1]


@needs_scapy
def test_an_acknowledgement_names_the_last_islands_as_another_program_reads_them() -> None:
    from scapy.layers.inet import IP, TCP

    client = connected()
    for offset in (20, 40, 60, 80, 100):
        answer = early(client, offset)
    options = dict(IP(encode(answer, HERE, THERE))[TCP].options)
    starts = [(each - THEIRS - 1) % 2**32 for each in options["SAck"]]
    assert starts == [100, 110, 80, 90, 60, 70, 40, 50]


def test_a_payload_leaves_no_room_for_islands() -> None:
    client = connected()
    early(client, 20)
    client.write(bytes(10), 0.3)
    assert [each.sack_blocks for each in client.segments() if each.payload] == [()]


def test_data_that_fills_the_gap_ends_the_islands() -> None:
    client = connected()
    early(client, 10)
    assert early(client, 0).sack_blocks == ()


def test_a_server_that_did_not_ask_for_it_gets_no_blocks() -> None:
    client = TcpClient(40_000, 80, first_sequence=FIRST, mss=1380)
    client.connect(0.0)
    client.receive(Segment(80, 40_000, THEIRS, FIRST + 1, Flag.SYN | Flag.ACK, 65_535), 0.1)
    assert early(client, 20).sack_blocks == ()
