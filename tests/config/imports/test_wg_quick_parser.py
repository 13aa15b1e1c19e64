from ipaddress import ip_interface
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.sample_fleets import OTHER_SERVER_KEY, OWN_KEY, SERVER_KEY
from wgmon_tui.config.imports.wg_quick_parser import WgQuickFile, make_unique_name, parse_conf
from wgmon_tui.config.keys import PresharedKey
from wgmon_tui.config.models import AMNEZIAWG, WIREGUARD, ConfigurationError
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.amneziawg.parameters import Parameters

SECRET = OWN_KEY.to_text()
PSK = PresharedKey(b"\x07" * 32)

INTERFACE = f"[Interface]\nPrivateKey = {SECRET}\n"
PEER = f"[Peer]\nPublicKey = {SERVER_KEY}\nEndpoint = fra1.example.net:51820\n"


def conf(text: str, name: str = "wg0.conf") -> WgQuickFile:
    return parse_conf(text, Path("/etc/wireguard", name))


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        conf(text)
    line = str(refused.value)
    assert line.startswith("wg0.conf: ")
    assert line.isprintable()
    assert SECRET[:8] not in line
    assert PSK.to_text()[:8] not in line
    return line.removeprefix("wg0.conf: ")


def notices(text: str) -> list[str]:
    return [str(each) for each in conf(text).notices]


def names(text: str, name: str = "wg0.conf") -> list[str]:
    read = conf(text, name)
    return [read.suggested_name(peer) for peer in read.peers]


def test_a_client_file_gives_the_key_the_addresses_and_the_server() -> None:
    read = conf(f"""
# made by the office
[Interface]
PrivateKey = {SECRET}
Address = 10.8.0.250/24, fd00::250/64
Address = 10.9.0.250
ListenPort = 51820
DNS = 10.8.0.1, example.net
MTU = 1420

[Peer]
PublicKey = {SERVER_KEY}
PresharedKey = {PSK.to_text()}
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = [2001:db8::1]:51820   # the old rack
PersistentKeepalive = 25
""")
    assert read.private_key == OWN_KEY
    assert read.addresses == tuple(
        ip_interface(text) for text in ("10.8.0.250/24", "fd00::250/64", "10.9.0.250/32")
    )
    (peer,) = read.peers
    assert peer.public_key == SERVER_KEY
    assert peer.preshared_key == PSK
    assert peer.endpoint == Endpoint("2001:db8::1", 51820)
    assert read.notices == ()


def test_keys_and_sections_are_read_in_any_case_and_with_windows_line_ends() -> None:
    text = (INTERFACE + PEER).replace("PrivateKey", "PRIVATEKEY").replace("[Peer]", "[peer]")
    assert conf(text.replace(" = ", "=").replace("\n", "\r\n")).private_key == OWN_KEY


def test_only_a_line_feed_ends_a_line() -> None:
    assert conf(f"{INTERFACE}# a\u2028Endpoint = b\x0bc = d\n{PEER}").notices == ()


def test_where_a_key_stands_twice_the_later_one_counts() -> None:
    assert conf(INTERFACE + PEER + "Endpoint = ams1.example.net:1\n").peers[0].endpoint.port == 1


def test_a_preshared_key_of_zeros_is_none() -> None:
    assert conf(f"{INTERFACE}{PEER}PresharedKey = {'A' * 43}=").peers[0].preshared_key is None


def test_a_peer_without_endpoint_is_skipped_with_a_notice() -> None:
    read = conf(f"{INTERFACE}[Peer]\nPublicKey = {OTHER_SERVER_KEY}\n{PEER}")
    assert [peer.public_key for peer in read.peers] == [SERVER_KEY]
    assert list(map(str, read.notices)) == ["wg0.conf: line 3: this [Peer] has no Endpoint to check; skipped"]


def test_an_unknown_key_is_ignored_with_a_notice() -> None:
    assert notices(INTERFACE + PEER + "Psk = x") == ["wg0.conf: line 6: Psk is unknown in [peer]; ignored"]


def parameters(text: str) -> Parameters:
    read = conf(text)
    assert read.protocol == AMNEZIAWG
    assert read.amneziawg
    found = read.amneziawg.settings
    return found.parameters if found else Parameters()


def test_the_settings_of_amneziawg_are_read() -> None:
    found = parameters(
        INTERFACE
        + "Jc = 4\njmin = 40\nJmax = 70\nS1 = 30\nS4 = 16\nH1 = 1234\nH2 = 5-9\nI1 = <b 0xc7> <t>\n"
        + "RandomTrailers = on\n"
        + PEER
    )
    assert (found.jc, found.jmin, found.jmax, found.prefixes) == (4, 40, 70, (30, 0, 0, 16))
    assert (str(found.h1), str(found.h2), str(found.h3)) == ("1234", "5-9", "3")
    assert str(found.i1) == "<b 0xc7> <t>"
    assert found.random_trailers


def test_the_key_of_header_protection_is_read_and_hidden() -> None:
    prefixes = "".join(f"S{number} = 12\n" for number in range(1, 5))
    read = conf(f"{INTERFACE}{prefixes}HeaderProtectionKey = {SECRET}\n{PEER}")
    assert read.amneziawg
    assert read.amneziawg.header_protection_key
    assert read.amneziawg.header_protection_key.to_text() == SECRET
    assert SECRET not in repr(read)


def test_settings_that_a_check_does_not_need_are_ignored_with_a_notice() -> None:
    assert notices(f"{INTERFACE}Jc = 4\nItime = 5\nJ1 = <r 9>\nDisableCookies = on\n{PEER}") == [
        "wg0.conf: Itime, J1, DisableCookies: a check does not need this; ignored"
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("H2 = 1", "line 3: H2: the same numbers as h1"),
        ("H1 = x", "line 3: H1: expected a number, or a range"),
        ("s1 = -1", 'line 3: s1: expected an integer from 0 to 1280, got "-1"'),
        ("I2 = quic", "line 3: I2: it has no tag"),
        ("HEADERPROTECTIONKEY = " + SECRET, "s1: expected at least 12 with header_protection_key, got 0"),
        ("HeaderProtectionKey = short", "line 3: HeaderProtectionKey: not a WireGuard key"),
    ],
)
def test_an_invalid_setting_of_amneziawg_is_refused_with_its_line(line: str, message: str) -> None:
    assert message in refusal(f"{INTERFACE}{line}\n{PEER}")


@pytest.mark.parametrize(
    "line",
    [
        *("Jc = 4", "jc=1", "S1 = 52", "s4 = 16", "H1 = 1148276353", "H4 = 7000-8000"),
        *("I1 = <b 0xc70000>", "I5 = <t>", "J1 = <r 16>"),
        *("RandomTrailers = on", "DisableCookies = true", "AdvancedSecurity = on"),
    ],
)
def test_each_setting_that_changes_packets_means_amneziawg(line: str) -> None:
    assert conf(f"{INTERFACE}{line}\n{PEER}").protocol == AMNEZIAWG


def test_a_setting_of_amneziawg_counts_in_a_peer_too() -> None:
    assert conf(INTERFACE + PEER + "AdvancedSecurity = on\n").protocol == AMNEZIAWG


def test_settings_of_amneziawg_that_leave_the_packets_plain_mean_wireguard() -> None:
    plain = (
        "Jc = 0\nJmin = 40\nJmax = 70\nS1 = 0\nS2 = 0\nH1 = 1\nh2 = 2\nH3 = 3-3\nH4 = 4\nI1 =\nItime = 0\n"
    )
    read = conf(INTERFACE + plain + PEER)
    assert read.protocol == WIREGUARD
    (notice,) = read.notices
    assert notice.text.endswith("these AmneziaWG settings mean plain WireGuard; ignored")


def test_a_file_without_settings_of_amneziawg_is_of_wireguard() -> None:
    assert conf(INTERFACE + PEER).protocol == WIREGUARD


def test_a_preshared_key_that_a_command_sets_is_missed_with_a_notice() -> None:
    (notice,) = notices(f"{INTERFACE}PostUp = wg set %i peer X preshared-key <(pass psk)\n{PEER}")
    assert notice == "wg0.conf: line 3: PostUp sets a preshared key; wgmon-tui runs no commands of a .conf"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (PEER, "[Interface] has no PrivateKey"),
        (
            f"[Interface]\nPostUp = wg set %i private-key <(pass {SECRET})\n{PEER}",
            "line 2: the private key comes from PostUp; wgmon-tui runs no commands of a .conf",
        ),
        (f"[Interface]\nPrivateKey = {SECRET[:-2]}\n", "line 2: PrivateKey: not base64"),
        (f"{INTERFACE}{PEER}PresharedKey = {PSK.to_text()[:-2]}\n", "line 6: PresharedKey: not base64"),
        (f"{INTERFACE}{PEER}PublicKey = x", "line 6: PublicKey: not base64"),
        (f"{INTERFACE}{PEER}Endpoint = fra1", 'line 6: Endpoint: expected "host:port"'),
        (f"{INTERFACE}Address = 10.8.0.256\n{PEER}", "line 3: Address: expected an address such as"),
        (f"{INTERFACE}Address = {SECRET}\n{PEER}", "line 3: Address: expected an address such as"),
        (f"{INTERFACE}[Peer]\nEndpoint = fra1:1", "line 3: this [Peer] has no PublicKey"),
        ("", "it is empty: no [Interface] and no [Peer]; use a client's .conf"),
        ("# wg0\n\n", "it is empty: no [Interface] and no [Peer]; use a client's .conf"),
        (INTERFACE, "no [Peer] has an Endpoint, so there is nothing to check"),
        (f"{INTERFACE}[Peer]\nPublicKey = {SERVER_KEY}", "no [Peer] has an Endpoint"),
        ("[Wireguard", "line 1: expected [Interface] or [Peer]"),
        ("PrivateKey = x", "line 1: expected [Interface] before the first key"),
        (f"[Interface]\n{SECRET}", "line 2: expected Key = value"),
        (f"[Interface]\nPrivateKey: {SECRET}", "line 2: expected Key = value"),
        ("[Interface]\n\x1b[2J = 1", "line 2: expected Key = value"),
    ],
)
def test_a_file_that_cannot_stand_is_refused_with_its_line_and_no_key_is_repeated(
    text: str, line: str
) -> None:
    assert refusal(text).startswith(line)


@pytest.mark.parametrize(
    "comment",
    ["# Name = fra1", "# fra1", "#fra1", "## name: fra1", "# a longer story\n# fra1", "# NAME=fra1"],
)
def test_the_comment_just_above_a_peer_is_its_name(comment: str) -> None:
    assert names(f"{INTERFACE}{comment}\n{PEER}") == ["fra1"]


@pytest.mark.parametrize(
    "comment",
    ["# the server in Frankfurt", "# fra1\n", "#", "# ----", "# Name =", f"# {'a' * 64}", "# Name = \x1b[2J"],
)
def test_a_comment_that_is_no_name_leaves_the_file_to_name_the_server(comment: str) -> None:
    assert names(f"{INTERFACE}{comment}\n{PEER}") == ["wg0"]


def test_a_name_comment_may_have_several_words() -> None:
    assert names(f"{INTERFACE}# Name = Frankfurt 1\n{PEER}") == ["Frankfurt 1"]


def test_several_peers_are_named_after_the_file_and_their_host() -> None:
    other = PEER.replace("fra1", "ams1")
    assert names(INTERFACE + PEER + other) == ["wg0-fra1.example.net", "wg0-ams1.example.net"]


def test_a_file_name_that_cannot_be_shown_names_nothing() -> None:
    assert names(INTERFACE + PEER, "\x1b[2J.conf") == ["wireguard"]
    assert conf(INTERFACE + PEER, "\x1b[2J.conf").source == r"\x1b[2J.conf"


@given(st.text("ab ", min_size=1, max_size=80), st.integers(0, 12))
def test_a_free_name_is_short_enough_and_not_taken(suggestion: str, count: int) -> None:
    taken: set[str] = set()
    for _ in range(count):
        name = make_unique_name(suggestion, taken)
        assert len(name) <= 63
        assert name not in taken
        taken.add(name)


lines = st.one_of(
    st.text(max_size=30),
    st.sampled_from([*INTERFACE.splitlines(), *PEER.splitlines(), "# fra1", "Jc = 4", "Address = 1.2.3.4"]),
)


@given(st.lists(lines, max_size=12).map("\n".join))
def test_whatever_the_file_every_line_about_it_is_printable_and_holds_no_key(text: str) -> None:
    try:
        said = notices(text)
    except ConfigurationError as refused:
        said = [str(refused)]
    assert all(line.isprintable() and SECRET[:8] not in line for line in said)
