"""Contents of the frames: secrets only in the setup, and nothing but checks from a worker."""

from __future__ import annotations

import json
import os
import pickle
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.wireguard.sample_evidence import KINDS
from tests.vantages import sample_rounds
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.protocol import Targets
from wgmon_tui.checks.targets import join
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.config.secrets.keyring import Keyring, open_keyring
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.workers import messages
from wgmon_tui.workers.connection import BadFrameError
from wgmon_tui.workers.messages import FleetAssignment, WorkerReport

CHECKS: tuple[Check, ...] = sample_rounds.healthy().checks
PRIVATE, PRESHARED = PrivateKey.generate(), PresharedKey(os.urandom(32))
LINK = "ss://" + b64encode(b"aes-256-gcm:hidden").decode() + "@192.0.2.1:8388"
TEXT = f"""
[[identity]]
name = "bastion"
private_key = "{PRIVATE.to_text()}"
addresses = ["10.8.0.250/32"]

[[server]]
name = "fra1"
endpoint = "fra1.example.net:51820"
public_key = "{PrivateKey.generate().public}"
preshared_key = "{PRESHARED.to_text()}"

[[server]]
name = "proxy1"
endpoint = "192.0.2.1:8388"
protocol = "shadowsocks"
[server.shadowsocks]
link = "{LINK}"
"""


def test_a_worker_gets_the_same_targets() -> None:
    fleet = parse(TEXT)
    keyring = open_keyring(fleet, Path())
    sent = messages.decode_setup(messages.encode_setup(FleetAssignment(fleet, keyring)))
    assert sent == FleetAssignment(fleet, keyring)
    before, after = join(fleet, keyring), join(sent.fleet, sent.keyring)
    assert before.ready.keys() == {"fra1", "proxy1"}
    assert _values(after) == _values(before)


def _values(targets: Targets) -> dict[str, tuple[object, ...]]:
    return {name: (*each.agreed_values, *each.digest_parts) for name, each in targets.ready.items()}


def test_secrets_are_pickled_nowhere_else() -> None:
    keyring = Keyring({"bastion": PRIVATE}, {"fra1": PRESHARED})
    assert messages.encode_setup(FleetAssignment(parse(TEXT), keyring))
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(keyring)


def test_checks_arrive_as_they_were() -> None:
    gathered = [messages.write_checked(7, CHECKS), messages.write_checked(8, ())]
    assert messages.decode_checked(json.dumps(gathered).encode()) == [(7, CHECKS), (8, ())]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_evidence_arrives_as_it_was(kind: type[Evidence]) -> None:
    @given(st.from_type(kind))
    def arrives(evidence: Evidence) -> None:
        checks = (replace(CHECKS[0], evidence=(evidence,)),)
        content = json.dumps([messages.write_checked(1, checks)]).encode()
        assert repr(messages.decode_checked(content)) == repr([(1, checks)])  # a NaN is not equal to itself

    arrives()


@given(st.data())
def test_a_value_of_another_kind_in_a_check_is_refused_or_read_as_a_check(data: st.DataObject) -> None:
    """Whatever a worker sends, the writer gets records of the right types, or an error."""
    row = json.loads(json.dumps(messages.write_checked(1, CHECKS)))[1][0]
    at = data.draw(st.integers(0, len(row) - 1))
    row[at] = data.draw(st.sampled_from([None, True, 7, 0.5, "text", [], {}, [[]], [1], ["text", {}]]))
    try:
        [(_, (check,))] = messages.decode_checked(json.dumps([[1, [row]]]).encode())
    except BadFrameError:
        return
    assert messages.decode_checked(json.dumps([messages.write_checked(1, (check,))]).encode()) == [
        (1, (check,))
    ]


def test_a_check_with_more_or_fewer_values_is_refused() -> None:
    number, [row] = json.loads(json.dumps(messages.write_checked(1, CHECKS)))
    for other in (row[:-1], [*row, 1]):
        with pytest.raises(BadFrameError):
            messages.decode_checked(json.dumps([[number, [other]]]).encode())


def test_an_answered_round_is_restored_without_its_packets() -> None:
    name, restored = messages.decode_answered(messages.encode_answered("fra1", CHECKS))
    assert (name, restored) == ("fra1", tuple(replace(each, exchange=()) for each in CHECKS))


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"1", b"[1]", b"[[]]", b"[[1]]", b'[["1",[]]]', b"[[1,[{}]]]", b"[[1,2]]", b"\xff",
     b"[" * 100_000],
)  # fmt: skip
def test_checks_in_another_format_are_refused(content: bytes) -> None:
    with pytest.raises(BadFrameError):
        messages.decode_checked(content)


def test_a_report_arrives_as_it_was() -> None:
    report = WorkerReport(1.5, 2**31, "checks are held", "timestamps are kept in memory")
    assert messages.decode_worker_report(messages.encode_worker_report(report)) == report
    with pytest.raises(BadFrameError):
        messages.decode_worker_report(b"[1,2]")
