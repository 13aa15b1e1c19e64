"""Data path diagnosis in words: its summary, and which causes are asked about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.protocols.wireguard.sample_data_paths import (
    CLOSED,
    DNS,
    DNS_FAILS,
    DNS_SILENT,
    HOP_V4,
    HOP_V6,
    NARROW,
    NO_HOP_V4,
    NO_HOP_V6,
    PROHIBITED,
    RECEIVES,
    RECEIVES_NOT,
    REDIRECT,
    SIZE_UNTESTED,
    STRICT,
    TINY,
    WIDE,
    A,
    B,
    after,
    echo,
)
from tests.protocols.wireguard.sample_evidence import SERVER
from wgmon_tui.checks.evidence import Evidence, InnerService, InnerUnaddressed
from wgmon_tui.checks.verdict import Verdict


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (
            (echo(A, 3, 3),),
            "authentic answer in 20.0 ms, data passes both ways. Packet size is not tested yet.",
        ),
        ((HOP_V4,), "data passes both ways (10.8.0.1 answers). Packet"),
        ((HOP_V4, HOP_V6), "data passes both ways (10.8.0.1 and fd00::1 answer). Packet"),
        (
            (HOP_V4, WIDE),
            "data passes both ways (10.8.0.1 answers). Inner packets of 1420 bytes pass.",
        ),
        ((DNS, SIZE_UNTESTED), "Packet size not tested, because nothing inside the tunnel answers echoes."),
        ((echo(A, 3, 3), NARROW), "Inner packets over 1380 bytes are lost: clients need MTU = 1380."),
        ((CLOSED,), "10.8.0.1:443 refuses connections, the tunnel is fine."),
        ((DNS_FAILS,), "The name server 10.8.0.1 answers SERVFAIL, the tunnel is fine."),
        (
            (InnerService("dns", f"www.example.net@{A}", "answered", 3),),
            "The name server 10.8.0.1 does not know www.example.net, the tunnel is fine.",
        ),
        ((InnerService("dns", A, "answered", 3),), "The name server 10.8.0.1 answers NXDOMAIN"),
        ((echo(A, 3, 0), HOP_V4), "10.8.0.1 does not answer echoes, the tunnel is fine (10.8.0.1 answers)."),
        (
            (echo("fd00::1", 3, 0), echo(A, 3, 3), NO_HOP_V6),
            "fd00::1 does not answer echoes, the tunnel is fine over IPv4, but nothing came back over IPv6.",
        ),
        ((echo(A, 3, 3), NO_HOP_V6), "data passes, but nothing came back over IPv6."),
        (
            (InnerUnaddressed("[fd07::1]:53"), echo(A, 3, 3)),
            '[fd07::1]:53 was not probed: identity "bastion" has no IPv6 tunnel address.',
        ),
        ((HOP_V4, NO_HOP_V6), "10.8.0.1 answers inside, but nothing came back over IPv6"),
        ((NO_HOP_V4, RECEIVES), "the server receives data, but nothing came back through the tunnel"),
        ((NO_HOP_V4,), "Not proven: the handshake works, but nothing came back through the tunnel"),
        ((RECEIVES,), 'identity "bastion" has no tunnel address'),
        ((echo(A, 3, 0), RECEIVES), "receives data, but drops it or the answers inside"),
        (
            (echo(A, 3, 0), PROHIBITED),
            "10.8.0.254 inside the tunnel reports: communication administratively prohibited",
        ),
        ((echo(A, 3, 3), echo(B, 3, 0)), f"{B} does not answer echoes, the tunnel is fine."),
        ((echo(A, 3, 3), DNS_SILENT), f"The name server {A} does not answer, the tunnel is fine."),
        ((echo(A, 3, 3), TINY), "of 1216 bytes pass, 1217 or more are lost"),
        ((echo(A, 4, 1),), "3 of 4 echoes"),
    ],
)
def test_a_summary_says_how_far_data_comes(evidence: tuple[Evidence, ...], said: str) -> None:
    assert said in after(*evidence).summary


def test_what_was_never_asked_is_not_said_to_pass() -> None:
    for evidence in ((), (InnerUnaddressed(A),), (RECEIVES,)):
        assert "both ways" not in after(*evidence).summary


def test_a_server_that_receives_our_data_is_asked_about_its_inside_first() -> None:
    causes = [cause.cause for cause in after(echo(A, 3, 0), RECEIVES).causes]
    assert "AllowedIPs" in causes[0]
    assert not any("on the path" in cause for cause in causes)


def test_a_server_that_receives_none_of_it_is_asked_about_the_way() -> None:
    assert "on the path" in after(echo(A, 3, 0), RECEIVES_NOT).causes[0].cause


def test_what_is_not_proven_may_be_allowed_ips_or_a_server_that_is_well() -> None:
    causes = after(NO_HOP_V4, NO_HOP_V6, RECEIVES).causes
    assert "AllowedIPs" in causes[0].cause
    assert causes[0].fix.endswith("must contain 10.8.0.250, fd00::250")
    assert "does not forward, and is not at 10.8.0.1 or fd00::1" in causes[1].cause
    assert 'server "fra1": tunnel_ping = [' in causes[1].fix
    assert "tunnel = false" in causes[1].fix
    assert not any("on the path" in cause.cause for cause in causes)


def test_as_long_as_no_keepalive_was_waited_for_the_way_may_lose_our_data() -> None:
    assert "on the path" in after(NO_HOP_V4).causes[-1].cause


def test_one_version_that_is_silent_asks_about_its_own_address_alone() -> None:
    causes = after(HOP_V4, NO_HOP_V6).causes
    assert causes[0].fix.endswith("must contain fd00::250")
    assert "10.8.0.1" not in causes[1].cause


def test_an_identity_without_tunnel_addresses_is_told_where_to_write_them() -> None:
    for evidence in ((), (RECEIVES,)):
        [cause] = after(*evidence).causes
        assert 'identity "bastion": addresses = [' in cause.fix
        assert str(SERVER.public_key) in cause.fix


def test_a_required_size_that_is_lost_is_a_blackhole() -> None:
    assert after(echo(A, 3, 3), NARROW, server=STRICT).verdict is Verdict.MTU_BLACKHOLE
    assert after(HOP_V4, NARROW, server=STRICT).verdict is Verdict.MTU_BLACKHOLE
    assert after(echo(A, 3, 3), WIDE, server=STRICT).verdict is Verdict.HEALTHY


def test_a_required_size_below_1280_that_passes_is_enough() -> None:
    assert after(echo(A, 3, 3), TINY, server=replace(SERVER, tunnel_mtu=1200)).verdict is Verdict.HEALTHY


def test_a_required_size_that_nothing_can_test_is_not_proven() -> None:
    diagnosis = after(DNS, SIZE_UNTESTED, server=STRICT)
    assert diagnosis.verdict is Verdict.UNPROVEN
    assert "packets of 1420 bytes: size not tested" in diagnosis.summary
    assert "remove tunnel_mtu" in diagnosis.causes[0].fix


def test_without_a_size_test_no_result_of_one_counts() -> None:
    diagnosis = after(echo(A, 3, 3), TINY, server=replace(SERVER, tunnel_mtu=0))
    assert diagnosis.verdict is Verdict.HEALTHY
    assert diagnosis.summary.endswith("Packet size is not tested (tunnel_mtu = 0).")


def test_from_1280_bytes_on_the_advice_is_an_mtu_and_below_it_is_none() -> None:
    [narrow] = after(echo(A, 3, 3), NARROW, server=STRICT).causes
    assert narrow.fix.endswith("MTU = 1380 — under [Interface]")
    [tiny] = after(echo(A, 3, 3), TINY).causes
    assert tiny.cause == "the path drops packets over 1216 bytes"
    assert "MTU =" not in f"{tiny.why} {tiny.fix}"


@pytest.mark.parametrize(
    "evidence", [(echo(A, 3, 0), PROHIBITED), (echo(A, 3, 0), REDIRECT), (NO_HOP_V4, PROHIBITED)]
)
def test_an_error_from_inside_disproves_wrong_allowed_ips_and_a_missing_route(
    evidence: tuple[Evidence, ...],
) -> None:
    causes = " ".join(cause.cause for cause in after(*evidence).causes)
    assert causes
    assert "AllowedIPs" not in causes
    assert "no route back" not in causes


def test_a_first_hop_that_only_refuses_is_not_proven_and_no_path_is_blamed() -> None:
    for evidence in ((NO_HOP_V4, PROHIBITED), (NO_HOP_V4, HOP_V6, PROHIBITED)):
        diagnosis = after(*evidence)
        assert diagnosis.verdict is Verdict.UNPROVEN
        assert "10.8.0.254 inside reports over IPv4: communication administratively" in diagnosis.summary
        assert "nothing came back" not in diagnosis.summary
        assert "inside the tunnel rejects" in diagnosis.causes[0].cause
        assert not any("on the path" in each.cause for each in diagnosis.causes)


def test_where_the_first_hop_answers_allowed_ips_are_no_cause() -> None:
    [cause] = after(echo(A, 3, 0), HOP_V4).causes
    assert cause.why == "10.8.0.1 answers, so the tunnel itself is fine"


def test_a_version_in_which_all_is_silent_is_dead_inside_where_another_one_carries_data() -> None:
    diagnosis = after(echo(A, 3, 0), NO_HOP_V4, HOP_V6)
    assert diagnosis.summary.endswith("(fd00::1 answers), but nothing comes back over IPv4.")
    assert diagnosis.causes[0].fix.endswith("must contain 10.8.0.250")
    assert not any("on the path" in each.cause for each in diagnosis.causes)


@pytest.mark.parametrize(("received", "is_named"), [(2, True), (3, False)])
def test_where_the_check_lost_packets_loss_is_the_first_cause_of_a_silent_version(
    received: int, is_named: bool
) -> None:
    diagnosis = after(echo(A, 3, received), NO_HOP_V6)
    assert diagnosis.verdict is Verdict.UNPROVEN
    assert ("packets are lost" in diagnosis.causes[0].cause) is is_named
    assert any("AllowedIPs" in each.cause for each in diagnosis.causes)


def test_a_version_that_nothing_answers_in_may_lack_its_allowed_ips() -> None:
    causes = after(echo("fd00::1", 3, 0), echo(A, 3, 3), NO_HOP_V6).causes
    assert any("AllowedIPs" in each.cause and each.fix.endswith("fd00::250") for each in causes)


def test_what_was_not_probed_is_named_with_what_to_write() -> None:
    [cause] = after(InnerUnaddressed("fd07::1"), echo(A, 3, 3)).causes
    assert cause.fix.startswith('in servers.toml, identity "bastion": add its IPv6 tunnel address')


def test_without_the_tunnel_stage_the_summary_says_that_only_the_handshake_is_looked_at() -> None:
    diagnosis = after(server=replace(SERVER, tunnel=False))
    assert diagnosis.verdict is Verdict.HEALTHY
    assert "Data is not tested (tunnel = false)" in diagnosis.summary


def test_as_long_as_nobody_knows_both_are_possible() -> None:
    causes = " ".join(cause.cause for cause in after(echo(A, 3, 0)).causes)
    assert "AllowedIPs" in causes
    assert "on the path" in causes
