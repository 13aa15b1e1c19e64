"""Shards: every server has one runner, and a new runner moves as few servers as possible."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.sample_fleets import server
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.shard import Shard, find_owner, parse_shard
from wgmon_tui.config.value_parsers import InvalidValueError

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=63)
COUNTS = st.integers(1, 40)


@given(NAMES, COUNTS)
def test_every_server_is_in_exactly_one_shard(name: str, count: int) -> None:
    shards = [Shard(number, count) for number in range(1, count + 1)]
    assert [shard.covers(name) for shard in shards].count(True) == 1


@given(NAMES, COUNTS)
def test_a_further_runner_takes_a_server_or_leaves_it_where_it_is(name: str, count: int) -> None:
    assert find_owner(name, count + 1) in (find_owner(name, count), count + 1)


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_a_further_runner_takes_about_its_share(count: int) -> None:
    names = [f"server-{number:04}" for number in range(3000)]
    moved = sum(find_owner(name, count + 1) == count + 1 for name in names)
    assert moved / len(names) == pytest.approx(1 / (count + 1), rel=0.15)


def test_all_runners_have_about_as_many() -> None:
    held = [find_owner(f"server-{number:04}", 5) for number in range(5000)]
    assert [held.count(number) / 1000 for number in range(1, 6)] == pytest.approx([1] * 5, rel=0.1)


def test_the_hash_is_the_documented_one_and_stays_so() -> None:
    def weight(number: int) -> int:
        return int.from_bytes(blake2b(number.to_bytes(4, "big") + b"fra1", digest_size=8).digest(), "big")

    assert find_owner("fra1", 7) == max(range(1, 8), key=weight) == 3
    assert [find_owner(name, 3) for name in ("fra1", "ams1", "zürich", "a b")] == [3, 1, 2, 1]


def test_of_a_fleet_it_takes_its_servers_in_their_order_and_everything_else() -> None:
    fleet = Fleet(tuple(map(server, "abcdef")), defaults={"interval": "5s"})
    parts = [Shard(number, 2).filter_fleet(fleet) for number in (1, 2)]
    assert sorted(each.name for part in parts for each in part.servers) == ["a", "b", "c", "d", "e", "f"]
    for part in parts:
        assert [each.name for each in part.servers] == sorted(each.name for each in part.servers)
        assert part.defaults == fleet.defaults


def test_it_is_written_as_which_of_how_many() -> None:
    assert parse_shard("2/5") == Shard(2, 5)
    assert str(Shard(2, 5)) == "2/5"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2", 'expected NUMBER/COUNT, such as 1/3, got "2"'),
        ("a/b", 'expected NUMBER/COUNT, such as 1/3, got "a/b"'),
        ("１/２", 'expected NUMBER/COUNT, such as 1/3, got "１/２"'),
        ("0/3", 'expected 1/3 to 3/3, got "0/3"'),
        ("4/3", 'expected 1/3 to 3/3, got "4/3"'),
        ("1/0", "expected 1 to 1000 runners after the slash, got 0"),
        ("1/1001", "expected 1 to 1000 runners after the slash, got 1001"),
    ],
)
def test_what_is_no_shard_is_refused_with_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_shard(text)
    assert str(refused.value) == said
