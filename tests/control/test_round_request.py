"""Answers to requests for rounds: what another version or a damaged line may contain."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.store.golden.examples import ROUNDS
from wgmon_tui.control.round_request import (
    RoundWithKeys,
    answer_round_with_keys,
    read_round,
    read_round_with_keys,
)
from wgmon_tui.protocols.wireguard.keys import PrivateKey

DONE = RoundWithKeys(ROUNDS[1], {"4": 40000}, (PrivateKey.generate(),))


def test_a_round_with_keys_comes_back_from_its_answer() -> None:
    assert read_round_with_keys(answer_round_with_keys(DONE)) == DONE


@pytest.mark.parametrize("encoded", [None, 7, "not base64", "ü", "AAAA"])
def test_a_round_that_cannot_be_decoded_is_none(encoded: object) -> None:
    assert read_round({"round": encoded}) is None


@pytest.mark.parametrize(
    "damage",
    [{"round": None}, {"ports": None}, {"ports": {"4": "x"}}, {"ports": {"4": None}}, {"ephemerals": ["x"]}],
)
def test_an_answer_with_a_damaged_part_is_none(damage: Mapping[str, object]) -> None:
    assert read_round_with_keys({**answer_round_with_keys(DONE), **damage}) is None
