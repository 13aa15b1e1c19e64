from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.sample_rounds import check, exchange, healthy, round_of, server
from tests.protocols.wireguard.harness import (
    IDENTITY,
    PSK,
    ScriptedServer,
    make_target,
    opened_prober,
    response_to,
)
from tests.protocols.wireguard.harness import check as check_now
from tests.protocols.wireguard.sample_evidence import KINDS, any_evidence
from wgmon_tui.checks.check import Check, Handshake, Packet, Tunnel
from wgmon_tui.checks.evidence import Evidence, IcmpError, Silence
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.config.models import SecretSource
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.store.formats.record_codec import UnreadableValueError, codec_of, from_bytes, to_bytes
from wgmon_tui.store.formats.stored_names import StoredNames, StoredRecord

FIRST = Path(__file__).parents[1] / "round_version_1.json"
"""A round with every kind of evidence, as the first version stored it."""

HEALTHY = healthy()

_seconds = st.floats(0, 1e10)
_diagnoses = st.builds(
    Diagnosis,
    st.sampled_from(Verdict),
    st.text(),
    st.lists(st.text()).map(tuple),
    st.lists(st.builds(Cause, st.text(), st.text(), st.text()), max_size=2).map(tuple),
)
_checks = st.builds(
    Check,
    st.text(),
    st.text(),
    st.builds(Endpoint, st.text(), st.integers(1, 65535)),
    st.none() | st.ip_addresses(),
    _seconds,
    st.none() | st.builds(Handshake, _seconds, st.integers(0, 9), st.booleans()),
    st.lists(any_evidence, max_size=5).map(tuple),
    st.lists(st.from_type(Packet), max_size=4).map(tuple),
    st.integers(0, 9),
    st.none() | st.from_type(Tunnel),
    st.none(),
)
rounds = st.builds(
    lambda both, port: Round(tuple(each for each, _ in both), tuple(each for _, each in both), port),
    st.lists(st.tuples(_checks, _diagnoses), min_size=1, max_size=2),
    st.none() | st.text(),
)


def stored(value: Any) -> bytes:
    return b"\x01" + zlib.compress(json.dumps(value).encode())


def written(outcome: Round | None) -> str:
    """Return a form to compare: a NaN is not equal to itself, but its encoding is."""
    return repr(outcome)


def as_stored(outcome: Round) -> Any:
    """Return the stored form, for a test to change."""
    return json.loads(zlib.decompress(to_bytes(outcome)[1:]))


def with_evidence(*evidence: Evidence) -> Round:
    of = server()
    return round_of(of, check(of, *evidence))


@given(rounds)
def test_a_round_comes_back_as_it_was(outcome: Round) -> None:
    assert written(from_bytes(to_bytes(outcome))) == written(outcome)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_evidence_comes_back_as_it_was(kind: type[Evidence]) -> None:
    @given(st.from_type(kind))
    def comes_back(evidence: Evidence) -> None:
        outcome = Round((check(server(), evidence),), (Diagnosis(Verdict.SILENT, "Nothing."),))
        assert written(from_bytes(to_bytes(outcome))) == written(outcome)

    comes_back()


async def test_a_real_round_comes_back_with_its_packets_and_without_a_secret() -> None:
    async with ScriptedServer(lambda it: [response_to(it, PSK)]) as listening, opened_prober() as prober:
        target = make_target(listening.endpoint, psk=PSK)
        result = await check_now(prober, target)
    assert result.handshake
    assert result.exchange
    outcome = round_of(target.server, result)
    assert from_bytes(to_bytes(outcome)) == outcome
    text = zlib.decompress(to_bytes(outcome)[1:]).decode()
    for secret in (IDENTITY.raw, PSK.raw):
        assert secret.hex() not in text
        assert base64.b64encode(secret).decode()[:42] not in text


@pytest.mark.parametrize("hint", [PrivateKey, PresharedKey, Target, SecretSource], ids=lambda it: it.__name__)
def test_what_may_hold_a_secret_has_no_stored_form(hint: type) -> None:
    with pytest.raises(TypeError):
        codec_of(hint)


# Stored names


class Colour(Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Car:
    wheels: int
    colour: Colour = Colour.RED


@dataclass(frozen=True)
class Boat:
    sails: int


NAMES = StoredNames(
    {Car: StoredRecord({"wheels": "w", "colour": "c"}, "auto"), Boat: StoredRecord({"sails": "s"}, "ship")},
    {Colour: {Colour.RED: "rot", Colour.BLUE: "blau"}},
)


def test_records_and_enums_are_written_and_read_under_their_stored_names() -> None:
    write, read = codec_of(tuple[Car | Boat, ...], NAMES)
    value = [["auto", {"w": 4, "c": "blau"}], ["ship", {"s": 2}]]
    assert write((Car(4, Colour.BLUE), Boat(2))) == value
    assert read(value) == (Car(4, Colour.BLUE), Boat(2))


def test_the_names_in_the_code_are_not_read() -> None:
    _, read = codec_of(Car, NAMES)
    with pytest.raises(UnreadableValueError):
        read({"wheels": 4})
    with pytest.raises(UnreadableValueError):
        read({"w": 4, "c": "RED"})


@pytest.mark.parametrize(
    ("hint", "names"),
    [
        (Car, StoredNames({}, NAMES.enums)),
        (Car, StoredNames({Car: StoredRecord({"wheels": "w"})}, NAMES.enums)),
        (Car, StoredNames({Car: StoredRecord({"wheels": "w", "colour": "w"})}, NAMES.enums)),
        (Boat, StoredNames({Boat: StoredRecord({"sails": "s", "oars": "o"})}, {})),
        (Colour, StoredNames({}, {})),
        (Colour, StoredNames({}, {Colour: {Colour.RED: "rot"}})),
        (Colour, StoredNames({}, {Colour: {Colour.RED: "rot", Colour.BLUE: "rot"}})),
        (Car | Boat, StoredNames({**NAMES.records, Boat: StoredRecord({"sails": "s"})}, NAMES.enums)),
        (Car | Boat, StoredNames({**NAMES.records, Boat: StoredRecord({"sails": "s"}, "auto")}, NAMES.enums)),
    ],
    ids=["no record", "a field without a name", "two fields of one name", "a name without a field", "no enum",
         "a member without a name", "two members of one name", "a kind without a name",
         "two kinds of one name"],
)  # fmt: skip
def test_stored_names_that_do_not_fit_the_code_are_refused(hint: Any, names: StoredNames) -> None:
    with pytest.raises(TypeError):
        codec_of(hint, names)


# Other versions


def test_what_the_first_version_wrote_is_still_read() -> None:
    first = json.loads(FIRST.read_text())
    outcome = from_bytes(stored(first))
    assert outcome is not None
    assert as_stored(outcome) == first


def test_every_kind_of_evidence_is_among_what_was_written() -> None:
    """Add a new kind to that file in the form of `as_stored`; existing content never changes."""
    first = json.loads(FIRST.read_text())
    assert {name for name, _ in first["checks"][0]["evidence"]} == {kind.__name__ for kind in KINDS}


def test_unknown_kinds_of_evidence_are_left_out() -> None:
    value = as_stored(with_evidence(Silence(5.0)))
    value["checks"][0]["evidence"].insert(0, ["Telepathy", {"at": 1.0}])
    assert from_bytes(stored(value)) == with_evidence(Silence(5.0))


def test_evidence_whose_fields_mean_something_else_is_left_out() -> None:
    value = as_stored(with_evidence(Silence(5.0), IcmpError(0.1, 4, 3, 3, "192.0.2.7", True)))
    value["checks"][0]["evidence"][0][1]["waited"] = "long"
    del value["checks"][0]["evidence"][1][1]["offender"]
    outcome = from_bytes(stored(value))
    assert outcome is not None
    assert outcome.check.evidence == ()


def test_unknown_fields_are_left_out() -> None:
    outcome = healthy()
    value = as_stored(outcome)
    value["mood"] = "good"
    value["checks"][0]["weather"] = ["rain"]
    value["checks"][0]["handshake"]["colour"] = "blue"
    assert from_bytes(stored(value)) == outcome


def test_fields_that_came_later_take_their_defaults() -> None:
    of = server()
    asked = replace(check(of, Silence(5.0)), sent=3, tunnel=Tunnel(3, 1, 0.1, None, False))
    value = as_stored(round_of(of, asked))
    for name in ("sent", "tunnel", "asked_as"):
        del value["checks"][0][name]
    outcome = from_bytes(stored(value))
    assert outcome is not None
    assert outcome.check == check(of, Silence(5.0))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value["checks"].clear(),
        lambda value: value["diagnoses"].append(value["diagnoses"][0]),
        lambda value: value["diagnoses"][0].update(verdict="CLAIRVOYANT"),
        lambda value: value["checks"][0].update(address="nowhere"),
        lambda value: value["checks"][0].update(exchange="none"),
        lambda value: value["checks"][0].pop("started_at"),
        lambda value: value["checks"][0]["exchange"][0].update(data="é"),
        lambda value: value["checks"][0]["exchange"][0].update(direction=["SENT"]),
    ],
    ids=["no check", "one diagnosis too many", "an unknown verdict", "no address", "no packets",
         "no time", "bytes that are no text", "no direction"],
)  # fmt: skip
def test_a_round_that_does_not_hold_together_is_none(spoil: Any) -> None:
    value = as_stored(healthy())
    spoil(value)
    assert from_bytes(stored(value)) is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_round_never_raise(data: bytes) -> None:
    assert from_bytes(data) is None
    assert from_bytes(b"\x01" + data) is None


@given(_json)
def test_json_that_is_no_round_never_raises(value: Any) -> None:
    assert from_bytes(stored(value)) is None


@given(_json, st.data())
def test_a_value_of_another_kind_anywhere_never_raises(foreign: Any, data: st.DataObject) -> None:
    value = as_stored(with_evidence(Silence(5.0), IcmpError(0.1, 4, 3, 3, "192.0.2.7", True)))
    place, key = value, data.draw(st.sampled_from(sorted(value)))
    while isinstance(place[key], (dict, list)) and place[key] and data.draw(st.booleans()):
        place = place[key]
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(keys))
    place[key] = foreign
    outcome = from_bytes(stored(value))
    assert outcome is None or isinstance(outcome, Round)


def test_a_tower_of_brackets_never_raises() -> None:
    assert from_bytes(b"\x01" + zlib.compress(b"[" * 100_000)) is None


@given(st.data())
def test_a_round_that_was_cut_off_is_none(data: st.DataObject) -> None:
    whole = to_bytes(HEALTHY)
    assert from_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None


def test_a_round_of_a_later_form_is_none() -> None:
    assert from_bytes(b"\x02" + to_bytes(healthy())[1:]) is None


def test_a_usual_round_takes_less_than_two_kilobytes() -> None:
    of = server()
    outcome = round_of(of, check(of, handshake=Handshake(0.02), packets=exchange() * 2))
    assert len(to_bytes(outcome)) < 2048
