"""Tests of the comparison between the server's view and servers.toml."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.checks.inspection import ConfiguredSide, ServerView, StoredInterface, ViewUnavailable
from wgmon_tui.checks.prober_verdict import ProberVerdict
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump, Network, PeerEntry
from wgmon_tui.config.inspect_command import interface_of
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.server_view_comparison import compare

NOW = 1_700_000_000.0


def key(number: int) -> PublicKey:
    return PrivateKey(bytes([number]) * 32).public


THEIRS, US, OTHER = key(1), key(2), key(3)

SERVER = Server(
    "fra1",
    Endpoint("fra1.example.net", 51820),
    THEIRS,
    "bastion",
    inspect=("ssh", "fra1", "sudo wg show wg7 dump"),
)
CONFIGURED = ConfiguredSide(SERVER, US, (ip_interface("10.8.0.250/32"), ip_interface("fd00::250/128")), False)


def networks(*texts: str) -> frozenset[Network]:
    return frozenset(map(ip_network, texts))


PEER = PeerEntry(
    US, False, networks("10.8.0.250/32", "fd00::/64"), Endpoint("192.0.2.9", 40000), int(NOW) - 42
)
ELSE = PeerEntry(OTHER, True, networks("10.8.0.0/24"))
RUNNING = InterfaceDump(True, THEIRS, 51820, (PEER, ELSE))
STORED = StoredInterface(True, 51820, (replace(PEER, endpoint=None, latest_handshake=None), ELSE))


def findings(
    ours: ConfiguredSide = CONFIGURED,
    running: InterfaceDump | ViewUnavailable = RUNNING,
    stored: StoredInterface | ViewUnavailable | None = None,
) -> tuple[Finding, ...]:
    return compare(ours, ServerView(running, stored), NOW)


def about(subject: str, found: tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in found if finding.subject == subject]


def the(subject: str, found: tuple[Finding, ...]) -> Finding:
    [finding] = about(subject, found)
    return finding


def differing(found: tuple[Finding, ...]) -> list[str]:
    return [finding.subject for finding in found if finding.result is ComparisonResult.DIFFERS]


def test_where_all_agrees_every_finding_is_ok_in_the_order_of_a_handshake() -> None:
    found = findings(stored=STORED)
    assert {finding.result for finding in found} == {ComparisonResult.OK}
    assert [finding.subject for finding in found] == [
        *("server key", "listen port", "our peer", "preshared key"),
        *("allowed ips", "allowed ips", "handshake", "file"),
    ]


# The interface


def test_another_server_key_is_named_with_the_line_to_change() -> None:
    finding = the("server key", findings(running=replace(RUNNING, public_key=OTHER)))
    assert finding.result is ComparisonResult.DIFFERS
    assert f'server "fra1": public_key = "{OTHER}"' in finding.fix


def test_a_rotated_key_that_we_know_is_said_to_be_known() -> None:
    ours = replace(CONFIGURED, server=replace(SERVER, known_keys=(OTHER,)))
    found = findings(ours, replace(RUNNING, public_key=OTHER))
    assert "one of its known_keys" in the("server key", found).sentence


def test_an_interface_without_a_key_answers_nobody() -> None:
    finding = the("server key", findings(running=replace(RUNNING, has_private_key=False, public_key=None)))
    assert (finding.result, "wg set wg7 private-key" in finding.fix) == (ComparisonResult.DIFFERS, True)


def test_another_port_is_named_with_the_command_that_sets_ours() -> None:
    finding = the("listen port", findings(running=replace(RUNNING, listen_port=51999)))
    assert "51999" in finding.sentence
    assert finding.fix == "on the server: wg set wg7 listen-port 51820"


def test_an_interface_without_a_port_is_not_up() -> None:
    finding = the("listen port", findings(running=replace(RUNNING, listen_port=0)))
    assert finding.fix == "on the server: ip link set up dev wg7"


# Our peer


def test_a_peer_that_is_missing_is_added_with_one_command_and_nothing_more_is_said_of_it() -> None:
    found = findings(running=replace(RUNNING, peers=(ELSE,)))
    assert [finding.subject for finding in found] == ["server key", "listen port", "our peer"]
    assert the("our peer", found).fix == (
        f"on the server: wg set wg7 peer {US} allowed-ips 10.8.0.250/32,fd00::250/128"
    )


def test_where_our_key_cannot_be_read_the_server_is_still_compared() -> None:
    found = findings(replace(CONFIGURED, public_key=None), replace(RUNNING, listen_port=1))
    assert differing(found) == ["listen port"]
    assert the("our peer", found).result is ComparisonResult.UNKNOWN


@pytest.mark.parametrize(
    ("there", "here", "result", "fix"),
    [
        (False, False, ComparisonResult.OK, ""),
        (True, True, ComparisonResult.OK, ""),
        (True, False, ComparisonResult.DIFFERS, f"wg set wg7 peer {US} preshared-key /dev/null"),
        (False, True, ComparisonResult.DIFFERS, f"wg set wg7 peer {US} preshared-key FILE"),
        (True, None, ComparisonResult.UNKNOWN, "wgmon-tui doctor"),
        (False, None, ComparisonResult.UNKNOWN, "wgmon-tui doctor"),
    ],
)
def test_preshared_keys_are_compared_by_their_presence(
    there: bool, here: bool | None, result: ComparisonResult, fix: str
) -> None:
    peer = replace(PEER, has_preshared_key=there)
    found = findings(replace(CONFIGURED, has_preshared_key=here), replace(RUNNING, peers=(peer,)))
    finding = the("preshared key", found)
    assert finding.result is result
    assert fix in finding.fix


# AllowedIPs


def test_an_address_that_no_peer_has_is_added_to_what_our_peer_has() -> None:
    peer = replace(PEER, allowed_ips=networks("fd00::/64"))
    [first, second] = about("allowed ips", findings(running=replace(RUNNING, peers=(peer,))))
    assert first.result is ComparisonResult.DIFFERS
    assert "10.8.0.250 belongs to no peer" in first.sentence
    assert first.fix == f"on the server: wg set wg7 peer {US} allowed-ips fd00::/64,10.8.0.250/32"
    assert second.result is ComparisonResult.OK


def test_an_address_belongs_to_the_peer_with_the_longest_prefix() -> None:
    ours = replace(PEER, allowed_ips=networks("10.8.0.0/16", "fd00::/64"))
    [first, _] = about("allowed ips", findings(running=replace(RUNNING, peers=(ours, ELSE))))
    assert first.result is ComparisonResult.DIFFERS
    assert str(OTHER) in first.sentence


def test_an_address_that_another_peer_holds_exactly_would_be_taken_from_it() -> None:
    thief = replace(ELSE, allowed_ips=networks("10.8.0.250/32"))
    ours = replace(PEER, allowed_ips=networks("fd00::/64"))
    [first, _] = about("allowed ips", findings(running=replace(RUNNING, peers=(ours, thief))))
    assert "takes it from that peer" in first.fix


def test_a_peer_with_many_networks_is_not_typed_again() -> None:
    many = networks(*(f"10.9.{number}.0/24" for number in range(100)), "fd00::/64")
    [first, _] = about(
        "allowed ips", findings(running=replace(RUNNING, peers=(replace(PEER, allowed_ips=many),)))
    )
    assert first.fix == f"on the server: add 10.8.0.250/32 to the AllowedIPs of peer {US}"


def test_without_a_tunnel_address_of_ours_there_is_nothing_to_compare() -> None:
    finding = the("allowed ips", findings(replace(CONFIGURED, addresses=())))
    assert finding.result is ComparisonResult.UNKNOWN


# The last handshake


def test_the_last_handshake_is_told_with_its_age_and_where_from() -> None:
    assert (
        the("handshake", findings()).sentence
        == "the last one with this peer from 192.0.2.9:40000 was 42 s ago"
    )


def test_no_handshake_yet_tells_nothing() -> None:
    peer = replace(PEER, latest_handshake=None)
    finding = the("handshake", findings(running=replace(RUNNING, peers=(peer,))))
    assert finding.result is ComparisonResult.UNKNOWN


def test_a_handshake_from_the_future_means_that_a_clock_is_wrong() -> None:
    peer = replace(PEER, latest_handshake=int(NOW) + 3600)
    finding = the("handshake", findings(running=replace(RUNNING, peers=(peer,))))
    assert finding.result is ComparisonResult.DIFFERS
    assert "1 h 00 min in the future" in finding.sentence


# What runs beside the server's own file


def test_a_peer_in_the_file_that_does_not_run_is_the_removed_one() -> None:
    found = findings(running=replace(RUNNING, peers=(PEER,)), stored=STORED)
    finding = the("file: peers", found)
    assert f"in the file, but not running: {OTHER}" in finding.sentence
    assert finding.fix.startswith("on the server: wg syncconf wg7 <(wg-quick strip wg7)")
    assert about("file", found) == []


def test_a_peer_that_runs_and_is_not_in_the_file_is_gone_with_the_next_start() -> None:
    finding = the("file: peers", findings(stored=replace(STORED, peers=(ELSE,))))
    assert f"running, but not in the file: {US} (this identity)" in finding.sentence
    assert finding.fix.startswith("on the server: wg-quick save wg7")


def test_of_many_peers_a_few_are_named_ours_first() -> None:
    others = tuple(PeerEntry(key(number), False, frozenset()) for number in range(10, 20))
    found = findings(stored=StoredInterface(True, 51820, ()), running=replace(RUNNING, peers=(*others, PEER)))
    sentence = the("file: peers", found).sentence
    assert sentence.startswith(f"running, but not in the file: {US} (this identity), ")
    assert "and 8 more" in sentence


def test_other_allowed_ips_in_the_file_are_told_with_both() -> None:
    moved = replace(ELSE, allowed_ips=networks("10.8.1.0/24"))
    finding = the("file: allowed ips", findings(stored=replace(STORED, peers=(STORED.peers[0], moved))))
    assert "has 10.8.1.0/24 in the file, but runs with 10.8.0.0/24" in finding.sentence


def test_a_preshared_key_on_one_side_only_is_told() -> None:
    bare = replace(ELSE, has_preshared_key=False)
    finding = the("file: preshared key", findings(stored=replace(STORED, peers=(STORED.peers[0], bare))))
    assert str(OTHER) in finding.sentence


@pytest.mark.parametrize(("port", "said"), [(51999, "has ListenPort 51999"), (None, "has no ListenPort")])
def test_another_port_in_the_file_comes_with_the_next_start(port: int | None, said: str) -> None:
    finding = the("file: listen port", findings(stored=replace(STORED, listen_port=port)))
    assert said in finding.sentence
    assert "ListenPort = 51820" in finding.fix


def test_a_file_without_a_private_key_may_get_it_from_elsewhere() -> None:
    found = findings(stored=replace(STORED, has_private_key=False))
    assert the("file: private key", found).result is ComparisonResult.UNKNOWN
    assert differing(found) == []


# What could not be read


def test_what_cannot_be_read_is_told_with_its_reason() -> None:
    found = findings(
        running=ViewUnavailable("inspect: no"), stored=ViewUnavailable("inspect_config: neither")
    )
    assert [(each.result, each.subject, each.sentence) for each in found] == [
        (ComparisonResult.UNKNOWN, "running", "inspect: no"),
        (ComparisonResult.UNKNOWN, "file", "inspect_config: neither"),
    ]


def test_a_file_alone_is_compared_with_nothing() -> None:
    assert [each.subject for each in findings(running=ViewUnavailable("no"), stored=STORED)] == ["running"]


@pytest.mark.parametrize(
    ("words", "interface"),
    [
        (("wg", "show", "wg7", "dump"), "wg7"),
        (("ssh", "fra1", "sudo wg show utun-3.1 dump"), "utun-3.1"),
        (("wg", "show", "all", "dump"), "wg0"),
        (("cat", "dump"), "wg0"),
        (("wg", "show", "a-name-far-too-long-for-linux", "dump"), "wg0"),
        (("wg", "show", "x\x1b[31m", "dump"), "wg0"),
        ((), "wg0"),
    ],
)
def test_the_interface_is_the_one_that_the_command_names(words: tuple[str, ...], interface: str) -> None:
    assert interface_of(replace(SERVER, inspect=words)) == interface


# Any view at all

some_networks = st.frozensets(
    st.builds(
        lambda address, prefix: ip_network(f"{address}/{min(prefix, address.max_prefixlen)}", strict=False),
        st.ip_addresses(),
        st.integers(0, 128),
    ),
    max_size=3,
)
some_peers = st.lists(
    st.builds(
        PeerEntry,
        st.sampled_from([US, OTHER, key(4), key(5), key(6)]),
        st.booleans(),
        some_networks,
        st.none() | st.just(Endpoint("2001:db8::1", 1)),
        st.none() | st.integers(1, 2**63),
    ),
    max_size=5,
    unique_by=lambda peer: peer.public_key,
).map(tuple)
some_running = st.builds(
    InterfaceDump,
    st.booleans(),
    st.none() | st.sampled_from([THEIRS, OTHER]),
    st.integers(0, 65535),
    some_peers,
)
some_stored = st.builds(StoredInterface, st.booleans(), st.none() | st.integers(1, 65535), some_peers)


@given(some_running, st.none() | some_stored, st.sampled_from([None, False, True]))
def test_whatever_a_server_says_each_finding_is_a_printable_sentence_and_a_difference_has_a_fix(
    running: InterfaceDump, stored: StoredInterface | None, psk: bool | None
) -> None:
    for finding in findings(replace(CONFIGURED, has_preshared_key=psk), running, stored):
        assert finding.sentence
        assert (finding.sentence + finding.fix).isprintable()
        assert finding.fix or finding.result is not ComparisonResult.DIFFERS


# Its latest handshakes against the verdict


def judged(verdict: Verdict, peers: tuple[PeerEntry, ...], tunnel: bool = True) -> tuple[Finding, ...]:
    side = replace(CONFIGURED, server=replace(SERVER, tunnel=tunnel))
    view = ServerView(replace(RUNNING, peers=peers), None)
    return compare(side, view, NOW, ProberVerdict(verdict, NOW - 60))


def test_down_for_us_while_others_make_handshakes_is_about_us() -> None:
    busy = replace(ELSE, latest_handshake=int(NOW) - 20)
    finding = the("other peers", judged(Verdict.SILENT, (PEER, busy)))
    assert finding.result is ComparisonResult.DIFFERS
    assert "1 of its other peers made a handshake in the last 3 min, the latest 20 s ago" in finding.sentence
    assert "unless" not in finding.sentence
    older = replace(ELSE, latest_handshake=int(NOW) - 100)
    assert "unless it went down since" in the("other peers", judged(Verdict.SILENT, (older,))).sentence


def test_down_for_us_and_quiet_for_all_is_not_us_alone() -> None:
    quiet = replace(ELSE, latest_handshake=int(NOW) - 7200)
    finding = the("other peers", judged(Verdict.SILENT, (PEER, quiet)))
    assert (finding.result, finding.fix) == (ComparisonResult.OK, "")


def test_of_a_server_that_is_up_or_has_nobody_else_nothing_is_said_of_others() -> None:
    busy = replace(ELSE, latest_handshake=int(NOW) - 20)
    assert about("other peers", judged(Verdict.HEALTHY, (PEER, busy))) == []
    assert about("other peers", judged(Verdict.SILENT, (PEER, ELSE))) == []
    assert about("other peers", findings(running=replace(RUNNING, peers=(PEER, busy)))) == []


@pytest.mark.parametrize("age", [3 * 3600, None])
def test_well_for_us_while_this_interface_never_hears_from_us_is_another_machine(age: int | None) -> None:
    forgotten = replace(PEER, latest_handshake=None if age is None else int(NOW) - age)
    finding = the("who answers", judged(Verdict.HEALTHY, (forgotten,)))
    assert finding.result is ComparisonResult.DIFFERS
    assert "Another machine answers at fra1.example.net:51820 with the same key" in finding.sentence


def test_checks_that_send_no_data_leave_no_trace_and_prove_no_other_machine() -> None:
    forgotten = replace(PEER, latest_handshake=None)
    assert about("who answers", judged(Verdict.HEALTHY, (forgotten,), tunnel=False)) == []
    assert about("who answers", judged(Verdict.HEALTHY, (PEER,))) == []
    assert about("who answers", judged(Verdict.SILENT, (forgotten,))) == []
