"""The diagnosis of AmneziaWG checks, and what experiments prove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.parameters import default_rows
from tests.protocols.amneziawg.check_harness import lab_server, probing, target_of
from tests.protocols.amneziawg.profiles import (
    PROTECTION_KEY,
    VERSION_1,
    VERSION_1_5,
    VERSION_2,
    VERSION_3_TRAILERS,
    header_range,
)
from tests.protocols.wireguard.harness import IDENTITY, make_target
from tests.protocols.wireguard.sample_evidence import SERVER, check
from wgmon_tui.checks.check import Check, Direction, Handshake, Packet, Tunnel
from wgmon_tui.checks.context_evidence import ServerInitiated, WorkedUntil
from wgmon_tui.checks.evidence import (
    CookieDemanded,
    Evidence,
    ForeignBytes,
    InnerEcho,
    PassiveKeepalive,
    ProtocolEvidence,
    Silence,
)
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import AMNEZIAWG, WIREGUARD
from wgmon_tui.lab.models import LabBehaviour, LabMode
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.output.next_command import parse_advice
from wgmon_tui.protocols.amneziawg.diagnose import diagnose
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.amneziawg.parameters import LEAST_PROTECTED_PREFIX, Parameters
from wgmon_tui.protocols.amneziawg.trials import (
    ParameterSet,
    ParameterTrials,
    SetTrials,
    distinct_sets,
    trials_of_amneziawg,
    trials_of_sets,
)
from wgmon_tui.protocols.wireguard.framing import Trials
from wgmon_tui.protocols.wireguard.targets import Target

SILENCE_S = 0.3


async def explained(
    server: LabServer,
    own: ParameterSet,
    others: dict[str, ParameterSet] | None = None,
    protocol: str = AMNEZIAWG,
) -> tuple[Check, Diagnosis]:
    """A check with experiments, and its diagnosis."""
    target = target_of(server, own.parameters, own.protection_key, timeout=SILENCE_S)
    sets = distinct_sets(others or {})
    trials: Trials = SetTrials(sets, IDENTITY.public)
    if protocol == AMNEZIAWG:
        trials = ParameterTrials(own, sets, IDENTITY.public)
    target = Target(
        replace(target.server, protocol=protocol),
        target.private_key,
        tunnel_addresses=target.tunnel_addresses,
        framing=target.framing,
        trials=trials,
    )
    async with probing(server) as prober:
        result = await prober.check(target, ip_address("127.0.0.1"), explain=True)
    diagnosis = diagnose(result, target.server)
    assert parse_advice(diagnosis.causes[0].fix), "the advice has a line to type"
    return result, diagnosis


def without_experiments(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple(each for each in evidence if not isinstance(each, ProtocolEvidence))


async def test_a_server_of_plain_wireguard_is_proven() -> None:
    _, diagnosis = await explained(lab_server(Parameters()), ParameterSet(VERSION_2))
    assert diagnosis.verdict is Verdict.WRONG_PARAMETERS
    assert "plain WireGuard" in diagnosis.summary
    assert diagnosis.causes[0].proven
    assert 'server "fra1": protocol = "wireguard" — and delete' in diagnosis.causes[0].fix


async def test_a_server_with_the_parameters_of_another_server_is_proven() -> None:
    _, diagnosis = await explained(
        lab_server(VERSION_1_5),
        ParameterSet(VERSION_2),
        {"lon1": ParameterSet(VERSION_2), "ams1": ParameterSet(VERSION_1)},
    )
    assert diagnosis.causes[0].proven
    assert 'copy [server.amneziawg] of "ams1"' in diagnosis.causes[0].fix


async def test_a_wireguard_server_that_speaks_amneziawg_is_proven() -> None:
    _, diagnosis = await explained(
        lab_server(VERSION_1),
        ParameterSet(Parameters()),
        {"ams1": ParameterSet(VERSION_1)},
        protocol=WIREGUARD,
    )
    assert diagnosis.summary.startswith("The server speaks AmneziaWG")
    assert diagnosis.causes[0].proven


@pytest.mark.parametrize(
    ("server", "fix"),
    [
        (replace(VERSION_2, s1=70), "s1 = 70 — in [server.amneziawg]"),
        pytest.param(
            replace(VERSION_2, h1=header_range("900000")), "h1 = 900000 —", marks=pytest.mark.thorough
        ),
    ],
    ids=["s1", "h1"],
)
async def test_a_single_wrong_parameter_is_found_by_that_of_another_server(
    server: Parameters, fix: str
) -> None:
    other = replace(VERSION_1, s1=server.s1, h1=server.h1)
    _, diagnosis = await explained(lab_server(server), ParameterSet(VERSION_2), {"ams1": ParameterSet(other)})
    assert diagnosis.causes[0].proven
    assert fix in diagnosis.causes[0].fix
    assert "ams1" in diagnosis.causes[0].why


async def test_the_header_protection_key_of_another_server_is_found() -> None:
    _, diagnosis = await explained(
        lab_server(VERSION_2, PROTECTION_KEY),
        ParameterSet(VERSION_2, bytes(32)),
        {"ams1": ParameterSet(replace(VERSION_2, s1=20), PROTECTION_KEY)},
    )
    assert diagnosis.causes[0].proven
    assert 'header_protection_key_file = "FILE" — in [server.amneziawg]; that of "ams1"' in (
        diagnosis.causes[0].fix
    )
    assert PROTECTION_KEY.hex() not in repr(diagnosis)


async def test_a_server_without_the_header_protection_key_of_servers_toml_is_found() -> None:
    _, diagnosis = await explained(
        lab_server(VERSION_2),
        ParameterSet(VERSION_2, PROTECTION_KEY),
        {"ams1": ParameterSet(replace(VERSION_2, s1=20))},
    )
    first = diagnosis.causes[0]
    assert first.proven
    assert first.cause == "the server has no header protection key, and servers.toml has one"
    assert first.fix == "on the server: awg show wg0 — no key there: delete that of fra1 in servers.toml"


async def test_unexplained_silence_says_which_parameters_must_match_and_which_need_not() -> None:
    _, diagnosis = await explained(lab_server(VERSION_2), ParameterSet(VERSION_1))
    assert diagnosis.verdict is Verdict.SILENT
    first = diagnosis.causes[0]
    assert first.cause == "S1, H1 or the header protection key is not that of the server"
    assert "Jc, Jmin, Jmax and I1 to I5 need not match" in first.why
    assert not first.proven
    advice = " ".join(each.fix for each in diagnosis.causes)
    assert "awg show wg0 peers" in advice
    assert " wg show" not in advice


async def test_parameters_that_worked_before_are_the_last_cause_of_silence() -> None:
    result, _ = await explained(lab_server(VERSION_2), ParameterSet(VERSION_1))
    entry = replace(make_target(Endpoint("127.0.0.1", 9)).server, protocol=AMNEZIAWG)
    found = diagnose(result, entry, standing=(WorkedUntil(1.0),))
    assert [each.hypothesis for each in found.causes].index("awg-parameters") == len(found.causes) - 1 > 0


@pytest.mark.parametrize(
    ("own", "key", "seems", "proven"),
    [
        (replace(VERSION_2, s2=40), None, "S2 seems to be 32", "s2. The server has 32"),
        (replace(VERSION_2, s2=40), PROTECTION_KEY, "S2 seems to be 32", "s2. The server has 32"),
        (replace(VERSION_2, h2=header_range("9000")), None, "H2 seems to be 3", "h2. The server has 3"),
    ],
)
async def test_an_answer_in_another_framing_names_the_wrong_parameter_which_experiments_prove(
    own: Parameters, key: bytes | None, seems: str, proven: str
) -> None:
    server = replace(VERSION_2, h2=header_range("3")) if "3" in proven[-2:] else VERSION_2
    server = server if own.s2 == VERSION_2.s2 else VERSION_2
    result, diagnosis = await explained(lab_server(server, key), ParameterSet(own, key))
    assert diagnosis.verdict is Verdict.WRONG_PARAMETERS
    assert proven in diagnosis.summary
    assert diagnosis.causes[0].proven
    before = diagnose(replace(result, evidence=without_experiments(result.evidence)), SERVER)
    assert before.verdict is Verdict.NOT_WIREGUARD
    assert seems in before.summary
    assert not before.causes[0].proven


@pytest.mark.parametrize(
    ("own", "proven"),
    [
        (replace(VERSION_2, s3=40), "s3. The server has 24"),
        (replace(VERSION_2, h3=header_range("9000")), "h3. The server has 5"),
    ],
    ids=["s3", "h3"],
)
async def test_a_cookie_reply_in_another_framing_names_its_parameter(own: Parameters, proven: str) -> None:
    server = lab_server(
        replace(VERSION_2, h3=header_range("5")) if "h3" in proven else VERSION_2,
        behaviour=LabBehaviour(LabMode.UNDER_LOAD),
    )
    _, diagnosis = await explained(server, ParameterSet(own))
    assert diagnosis.verdict is Verdict.WRONG_PARAMETERS
    assert proven in diagnosis.summary


async def test_a_header_that_varies_is_not_proven_by_one_of_its_values() -> None:
    own = ParameterSet(replace(VERSION_2, h2=header_range("9000")))
    _, diagnosis = await explained(lab_server(VERSION_2), own)
    assert diagnosis.verdict is Verdict.NOT_WIREGUARD
    assert "H2 seems to be 3" in diagnosis.summary


async def test_junk_that_comes_before_an_answer_does_not_hide_the_wrong_parameter() -> None:
    own = ParameterSet(replace(VERSION_2, s2=40))
    found, _ = await explained(lab_server(VERSION_2), own)
    noisy = replace(
        found,
        exchange=(Packet(0.0, Direction.RECEIVED, b"junk"), *found.exchange),
        evidence=(ForeignBytes(0.0, 4, b"junk"), *without_experiments(found.evidence)),
    )
    assert "S2 seems to be 32" in diagnose(noisy, SERVER).summary


async def test_behind_header_protection_a_wrong_header_is_not_guessed() -> None:
    own = replace(VERSION_2, h2=header_range("9000"))
    _, diagnosis = await explained(lab_server(VERSION_2, PROTECTION_KEY), ParameterSet(own, PROTECTION_KEY))
    assert diagnosis.verdict is Verdict.NOT_WIREGUARD
    assert "seems to be" not in diagnosis.summary


async def test_behind_a_random_trailer_the_length_of_an_answer_tells_no_prefix() -> None:
    server = lab_server(VERSION_3_TRAILERS, PROTECTION_KEY)
    own = ParameterSet(replace(VERSION_3_TRAILERS, s2=VERSION_3_TRAILERS.s2 + 8), PROTECTION_KEY)
    _, diagnosis = await explained(server, own)
    assert diagnosis.verdict is Verdict.NOT_WIREGUARD
    assert "seems to be" not in diagnosis.summary


@pytest.mark.parametrize(
    ("own", "proven", "fix"),
    default_rows(
        (0,),
        [
            (replace(VERSION_2, s4=17), 's4 = 16 of server "ams1"', "s4 = 16 —"),
            (
                replace(VERSION_2, h4=header_range("9000")),
                'h4 = 7000-8000 of server "ams1"',
                'h4 = "7000-8000" —',
            ),
            (
                replace(VERSION_2, s4=17, h4=header_range("9000")),
                's4 = 16 and h4 = 7000-8000 of server "ams1"',
                's4 = 16; h4 = "7000-8000" —',
            ),
        ],
    ),
    ids=["s4", "h4", "both"],
)
async def test_a_wrong_s4_or_h4_is_proven_by_that_of_another_server(
    own: Parameters, proven: str, fix: str
) -> None:
    sister = ParameterSet(replace(VERSION_1, s4=16, h4=header_range("7000-8000")))
    result, diagnosis = await explained(lab_server(VERSION_2), ParameterSet(own), {"ams1": sister})
    assert result.handshake
    assert diagnosis.verdict is Verdict.WRONG_PARAMETERS
    assert diagnosis.summary == f"The handshake works, but data comes back only with {proven}."
    assert f"data comes back with {proven}" in diagnosis.evidence
    assert diagnosis.causes[0].proven
    assert fix in diagnosis.causes[0].fix
    assert diagnosis.failed_stage == "tunnel"


async def test_a_server_that_frames_no_data_is_proven() -> None:
    server = replace(VERSION_1, s4=0, h4=header_range("4"))
    _, diagnosis = await explained(lab_server(server), ParameterSet(replace(server, s4=20)))
    assert diagnosis.verdict is Verdict.WRONG_PARAMETERS
    assert "only with s4 = 0 of plain WireGuard" in diagnosis.summary


@pytest.mark.thorough
async def test_data_that_vanishes_in_every_framing_proves_nothing() -> None:
    behaviour = LabBehaviour(LabMode.DATA_DROPPED)
    sister = ParameterSet(replace(VERSION_1, s4=17))
    server = lab_server(VERSION_2, behaviour=behaviour)
    _, diagnosis = await explained(server, ParameterSet(VERSION_2), {"ams1": sister})
    assert diagnosis.verdict is Verdict.DATA_DEAD
    assert not diagnosis.causes[0].proven


@pytest.mark.thorough
async def test_data_that_vanishes_may_be_a_wrong_s4_or_h4() -> None:
    _, diagnosis = await explained(lab_server(VERSION_2), ParameterSet(replace(VERSION_2, s4=17)))
    assert diagnosis.verdict is Verdict.DATA_DEAD
    assert diagnosis.causes[0].cause == "S4 or H4 is not that of the server"


@pytest.mark.parametrize("shown", [CookieDemanded(0.1), ServerInitiated(0.1, 3)])
def test_parameters_that_the_server_has_shown_are_no_cause_of_silence(shown: Evidence) -> None:
    silent = check(Silence(2.0), shown)
    assert "awg-parameters" in {each.hypothesis for each in diagnose(check(Silence(2.0)), SERVER).causes}
    assert "awg-parameters" not in {each.hypothesis for each in diagnose(silent, SERVER).causes}


@pytest.mark.parametrize(
    "shown", [PassiveKeepalive(10.1, 10.75), InnerIcmp(ip_address("10.8.0.1"), 4, 3, 13, None)]
)
def test_parameters_of_data_that_came_back_are_no_cause_of_dead_data(shown: Evidence) -> None:
    def possible(*evidence: Evidence) -> set[str]:
        answered = check(InnerEcho("10.8.0.1", 4, 0, None), *evidence, handshake=Handshake(0.02))
        dead = replace(answered, tunnel=Tunnel(4, 0, None, None, passive=False))
        diagnosis = diagnose(dead, SERVER)
        assert diagnosis.verdict is Verdict.DATA_DEAD
        return {each.hypothesis for each in diagnosis.causes}

    assert "awg-data-parameters" in possible()
    assert "awg-data-parameters" not in possible(shown)


def test_no_more_than_six_sets_are_tried_on_a_server() -> None:
    sets = {f"awg{number}": ParameterSet(replace(VERSION_1, s1=number)) for number in range(20)}
    assert len(trials_of_sets(distinct_sets(sets), IDENTITY.public)) == 6


def test_sets_that_differ_only_in_junk_are_one() -> None:
    sets = {"a": ParameterSet(VERSION_1), "b": ParameterSet(replace(VERSION_1, jc=9, jmax=99))}
    assert list(distinct_sets(sets).values()) == ["a"]


def test_a_key_is_tried_only_with_prefixes_that_hold_its_nonce() -> None:
    others = {ParameterSet(VERSION_2, PROTECTION_KEY): "ams1"}
    trials = trials_of_amneziawg(ParameterSet(VERSION_1), others, IDENTITY.public)
    tried = [each.framing for each in trials if isinstance(each.framing, AmneziaFraming)]
    assert min(VERSION_1.prefixes) < LEAST_PROTECTED_PREFIX
    assert [each.parameters.prefixes for each in tried if each.protection_key] == [VERSION_2.prefixes]


def test_of_a_large_fleet_the_sets_of_six_servers_are_tried() -> None:
    others = {ParameterSet(replace(VERSION_2, s1=20 + number)): f"s{number}" for number in range(10)}
    trials = trials_of_amneziawg(ParameterSet(VERSION_2), others, IDENTITY.public)
    owners = {each.evidence.values[-1] for each in trials if each.evidence.values}
    assert owners == {f"s{number}" for number in range(6)}
