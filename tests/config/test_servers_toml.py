from ipaddress import ip_address, ip_interface

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from tests.config.error_line import refusal, server_refusal, without_line
from tests.config.sample_fleets import (
    BASTION,
    MINIMAL_TOML,
    OTHER_SERVER_KEY,
    OWN_KEY,
    SERVER_KEY,
    fleets,
    server,
)
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.server_settings import SETTINGS_KEYS
from wgmon_tui.config.servers_toml import HEADER, parse, render
from wgmon_tui.net.addresses import Endpoint, NameServer

SECRET = OWN_KEY.to_text()


def identity_refusal(keys: str) -> str:
    """The error line for an identity with these keys and a name."""
    line = refusal(f'[[identity]]\nname = "bastion"\n{keys}')
    assert line.startswith('servers.toml: identity "bastion": ')
    return line.removeprefix('servers.toml: identity "bastion": ')


def test_every_key_has_its_place() -> None:
    fleet = parse(f"""
[defaults]
interval = "30s"
identity = "bastion"

[[identity]]
name = "bastion"
private_key_command = ["pass", "show", "wg/mon"]
addresses = ["10.8.0.250/32", "fd00::250/128"]

[[identity]]
name = "office"
private_key_env = "WG_OFFICE"

[[server]]
name = "fra1"
endpoint = "[2001:db8::1]:51820"
public_key = "{SERVER_KEY}"
known_keys = ["{OTHER_SERVER_KEY}"]
preshared_key_credential = "fra1.psk"
tunnel = false
tunnel_ping = ["10.8.0.1", "fd00::1"]
tunnel_dns = ["10.8.0.53", "faß.example@10.8.0.53"]
tunnel_tcp = ["10.8.0.1:443", "[fd00::1]:22"]
tunnel_mtu = 1420
tunnel_count = 5
tunnel_over = "2s"
tunnel_every = "5m"
explain = false
explain_every = "10m"
try_identities = true
inspect = ["ssh", "fra1", "sudo", "wg", "show", "wg0", "dump"]
inspect_config = ["ssh", "fra1", "sudo", "cat", "/etc/wireguard/wg0.conf"]
tags = ["eu", "edge"]
identity = "office"
interval = "1m"
timeout = "2s"
slow = "250ms"
paused = true
note = "rack 4, ask Ada"
""")
    assert fleet.identities == (
        Identity(
            "bastion",
            SecretSource(SecretForm.COMMAND, ("pass", "show", "wg/mon")),
            (ip_interface("10.8.0.250/32"), ip_interface("fd00::250/128")),
        ),
        Identity("office", SecretSource(SecretForm.ENV, "WG_OFFICE")),
    )
    assert fleet.servers == (
        Server(
            name="fra1",
            endpoint=Endpoint("2001:db8::1", 51820),
            public_key=SERVER_KEY,
            identity="office",
            known_keys=(OTHER_SERVER_KEY,),
            preshared_key=SecretSource(SecretForm.CREDENTIAL, "fra1.psk"),
            tunnel_ping=(ip_address("10.8.0.1"), ip_address("fd00::1")),
            tunnel=False,
            tunnel_dns=(
                NameServer(ip_address("10.8.0.53")),
                NameServer(ip_address("10.8.0.53"), "faß.example"),
            ),
            tunnel_tcp=(Endpoint("10.8.0.1", 443), Endpoint("fd00::1", 22)),
            tunnel_mtu=1420,
            tunnel_count=5,
            tunnel_over=2.0,
            tunnel_every=300.0,
            explain=False,
            explain_every=600.0,
            try_identities=True,
            inspect=("ssh", "fra1", "sudo", "wg", "show", "wg0", "dump"),
            inspect_config=("ssh", "fra1", "sudo", "cat", "/etc/wireguard/wg0.conf"),
            tags=("eu", "edge"),
            interval=60.0,
            timeout=2.0,
            slow=0.25,
            paused=True,
            note="rack 4, ask Ada",
        ),
    )


def test_an_empty_file_is_an_empty_fleet() -> None:
    assert parse("") == Fleet()


def test_a_server_without_identity_has_the_only_one() -> None:
    assert parse(MINIMAL_TOML).servers[0].identity == "bastion"


@given(fleets())
def test_a_fleet_that_was_written_is_read_as_the_same(fleet: Fleet) -> None:
    assert parse(render(fleet)) == fleet


@given(fleets())
def test_what_was_read_is_written_as_the_same_text(fleet: Fleet) -> None:
    assert render(parse(render(fleet))) == render(fleet)


@given(fleets())
def test_a_file_is_read_as_the_same_however_its_tables_are_spelled(fleet: Fleet) -> None:
    text = render(fleet)
    assert parse(text.replace("\n[[server]]\n", "\n[[ server ]]\n")) == fleet
    assert parse(text.replace("\n", "\r\n")) == fleet


def test_a_server_that_says_the_same_as_before_follows_what_the_file_says_beside_it() -> None:
    before = parse(MINIMAL_TOML).servers[0]
    other = parse('[defaults]\ninterval = "30s"\n' + MINIMAL_TOML.replace("bastion", "office")).servers[0]
    assert (before.identity, before.interval) == ("bastion", 10.0)
    assert (other.identity, other.interval) == ("office", 30.0)


def test_tables_stand_in_any_order() -> None:
    head, server_table = MINIMAL_TOML.split("[[server]]")
    assert parse(f"[[server]]{server_table}\n{head}") == parse(MINIMAL_TOML)


def test_what_looks_like_a_table_within_a_text_is_none() -> None:
    line = refusal(MINIMAL_TOML + "note = '''\n[[server]]\n'''\n")
    assert (
        line == 'servers.toml: server "fra1": key note: contains the unprintable character U+000A; remove it'
    )


def test_an_error_far_down_is_told_by_its_line_in_the_whole_file() -> None:
    text = MINIMAL_TOML + "\n[[server]]\nname = \n"
    assert refusal(text).startswith(f"servers.toml: line {len(text.splitlines())}, column 8: ")


def test_the_first_line_says_who_writes_the_file_and_where_remarks_go() -> None:
    first = render(Fleet()).splitlines()[0]
    assert first == HEADER
    assert first.startswith("# wgmon-tui writes this file")
    assert 'note = "…"' in first


def test_a_server_is_written_without_what_its_defaults_say() -> None:
    text = render(Fleet((server(),), (BASTION,), {"identity": "bastion"}))
    assert text == (
        f'{HEADER}\n\n[defaults]\nidentity = "bastion"\n\n'
        '[[identity]]\nname = "bastion"\nprivate_key_file = "bastion.key"\n\n'
        f'[[server]]\nname = "fra1"\nendpoint = "fra1.example.net:51820"\npublic_key = "{SERVER_KEY}"\n'
    )


def test_a_server_names_its_identity_although_there_is_only_one() -> None:
    """A second identity, added by hand, must not leave a server without one."""
    assert 'identity = "bastion"' in render(parse(MINIMAL_TOML))


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("interval = 10", 'key interval: expected a duration such as "10s", got 10'),
        ('interval = "10"', 'key interval: expected a duration such as "10s", got "10"'),
        ('interval = "500ms"', 'key interval: expected a duration of 1s to 1d, got "500ms"'),
        ('timeout = "100ms"', 'key timeout: expected a duration of 200ms to 1m, got "100ms"'),
        ("timeout = true", 'key timeout: expected a duration such as "10s", got true'),
        ('slow = "0s"', 'key slow: expected a duration of 1ms to 1m, got "0s"'),
        (
            'interval = "4s"\ntimeout = "5s"',
            'key timeout: expected no more than the interval of 4s, got 5s; write timeout = "4s", or',
        ),
        ('tags = "eu"', 'key tags: expected a list of texts in [ ], got "eu"'),
        ("tags = [1]", "key tags: expected text in quotes, got 1"),
        ('paused = "yes"', 'key paused: expected true or false, got "yes"'),
        ("note = 1979-05-27", "key note: expected text in quotes, got a date or a time"),
        ("note = {}", "key note: expected text in quotes, got a table"),
        ("note = 0xffffffffffffffff", "key note: expected text in quotes, got a large number"),
        ('note = "\\u001b[2J"', "key note: contains the unprintable character U+001B; remove it"),
        ('known_keys = ["AAA"]', "key known_keys: not base64"),
        ('tunnel_ping = ["10.8.0.1/32"]', 'key tunnel_ping: expected an address such as "10.8.0.1", got "10'),
        ('intervall = "10s"', 'unknown setting "intervall"; did you mean "interval"?'),
        ('identity = "bastoin"', 'key identity: no [[identity]] is named "bastoin"; did you mean "bastion"?'),
    ],
)
def test_a_server_that_cannot_stand_is_refused_on_one_line(keys: str, line: str) -> None:
    assert server_refusal(keys).startswith(line)


@pytest.mark.parametrize("key", ["name", "endpoint", "public_key"])
def test_a_server_has_a_name_an_endpoint_and_a_public_key(key: str) -> None:
    head, _, body = MINIMAL_TOML.partition("[[server]]")
    kept = "\n".join(line for line in body.splitlines() if not line.startswith(f"{key} ="))
    assert refusal(f"{head}[[server]]{kept}").endswith(f'key {key}: missing; add {key} = "…"')


def test_a_table_whose_name_cannot_be_shown_goes_by_its_number() -> None:
    assert refusal('[[identity]]\nprivate_key_env = "X"\nname = "\\u001b[2J"') == (
        "servers.toml: identity 1: key name: contains the unprintable character U+001B; remove it"
    )


def test_two_servers_of_one_name_are_refused() -> None:
    again = MINIMAL_TOML[MINIMAL_TOML.index("[[server]]") :]
    assert server_refusal(again) == "key name: this name is used twice; give each its own name"


def test_two_identities_of_one_name_are_refused() -> None:
    assert 'identity "a": key name: this name is used twice' in refusal(
        '[[identity]]\nname="a"\nprivate_key_file="a"\n[[identity]]\nname="a"\nprivate_key_file="b"'
    )


def test_among_several_identities_a_server_names_its_own() -> None:
    assert server_refusal('[[identity]]\nname = "office"\nprivate_key_file = "office.key"') == (
        'key identity: missing, and there are several; choose one of "bastion" and "office"'
    )


def test_without_any_identity_the_line_says_how_to_make_one() -> None:
    assert refusal(MINIMAL_TOML[MINIMAL_TOML.index("[[server]]") :]).endswith(
        "key identity: there is no [[identity]] yet; make one: wgmon-tui keygen NAME"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [("endpoint", '"fra1:51820"'), ("inspect", '["wg"]'), ("inspect_config", '["cat"]')],
)
def test_what_belongs_to_one_server_is_refused_in_the_defaults(key: str, value: str) -> None:
    assert refusal(f"[defaults]\n{key} = {value}") == (
        f"servers.toml: defaults: key {key}: belongs in a [[server]]; servers cannot share it"
    )


def test_defaults_are_checked_like_servers() -> None:
    assert refusal('[defaults]\ninterval = "0s"').startswith("servers.toml: defaults: key interval: expected")
    assert refusal('[defaults]\nidentity = "x"\n' + MINIMAL_TOML).startswith(
        "servers.toml: defaults: key identity:"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[servers]]", 'servers.toml: unknown setting "servers"; did you mean "server"?'),
        ('"\\u001b[2J" = 1', r'servers.toml: unknown setting "\x1b[2J"; expected one of defaults, '),
        ('server = "fra1"', "servers.toml: key server: expected tables that each begin with [[…]]"),
        ("[server]", "servers.toml: key server: expected tables that each begin with [[…]], got a table"),
        ("server = [1]", "servers.toml: key server: expected a table, got 1"),
        ("[[defaults]]", "servers.toml: key defaults: expected a table, got a list"),
        ("a = 1\nb = ", "servers.toml: line 2, end of the file: Invalid value"),
        ("a = 1\nb = ]", "servers.toml: line 2, column 5: Invalid value"),
        ('a = "x\n', "servers.toml: line 1, column 7: Illegal character '\\n' (a string is not closed?)"),
        ("a = 'x", 'servers.toml: line 1, end of the file: Expected "\'" (a string is not closed?)'),
        ('a = "\x1b"', "servers.toml: line 1, column 6: Illegal character '\\x1b'"),
        ("a = '", "servers.toml: line 1, end of the file: "),
    ],
)
def test_a_file_that_is_no_servers_toml_is_refused_on_one_line(text: str, line: str) -> None:
    assert refusal(text).startswith(line)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("", "key private_key_file: missing; name the file that holds the key, or type: "),
        (
            f'private_key = "{SECRET}"\nprivate_key_env = "KEY"',
            "key private_key: private_key_env is set too; keep only one of them",
        ),
        ('private_key = "short"', "key private_key: not a WireGuard key: expected 44"),
        ("private_key = 1234", "key private_key: expected text in quotes"),
        (f'private_key_file = "{SECRET}"', "key private_key_file: expected the path"),
        (f'private_key_env = "{SECRET}"', "key private_key_env: expected the name"),
        (f'private_key_credential = "{SECRET}"', "key private_key_credential: expected the name"),
        ('private_key_credential = "../passwd"', "key private_key_credential: expected the name"),
        (
            'private_key_command = "pass show wg"',
            'key private_key_command: expected a list of texts such as ["pass",',
        ),
        ("private_key_command = []", 'key private_key_command: expected a list of texts such as ["pass",'),
        (f'private_key_command = ["echo", "{SECRET}"]', "key private_key_command: expected no key here"),
        (
            'private_key_cmd = ["pass"]',
            'unknown setting "private_key_cmd"; did you mean "private_key_command"?',
        ),
        (
            f'private_key_env = "X"\n"{SECRET}" = 1',
            "unknown setting of 44 characters; expected one of",
        ),
    ],
)
def test_a_secret_has_exactly_one_form_and_no_line_repeats_it(keys: str, line: str) -> None:
    said = identity_refusal(keys)
    assert said.startswith(line)
    assert SECRET[:8] not in said


@pytest.mark.parametrize("key", ["inspect", "inspect_config"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f'"ssh fra1 {SECRET}"', 'expected a list of texts such as ["ssh", "fra1", "sudo", '),
        ("[]", 'expected a list of texts such as ["ssh", "fra1", "sudo", '),
        ('["", "fra1"]', 'expected a list of texts such as ["ssh", "fra1", "sudo", '),
        ('["ssh", 1]', "expected text in quotes"),
        ('["ssh", "\\u001b[2J"]', "contains the unprintable character U+001B; remove it"),
        (f'["ssh", "{SECRET}"]', "expected no key here: other users see it in the process list"),
    ],
)
def test_an_inspecting_command_is_a_list_of_words_that_no_line_repeats(
    key: str, value: str, expected: str
) -> None:
    said = server_refusal(f"{key} = {value}")
    assert said.startswith(f"key {key}: {expected}")
    assert SECRET[:8] not in said


@pytest.mark.parametrize("value", ["1" * 5000, "[" * 50_000], ids=["a number of many digits", "deep nesting"])
def test_what_the_toml_reader_stumbles_over_is_refused_on_one_line(value: str) -> None:
    assert refusal(f"a = {value}") == "servers.toml: not readable as TOML"


def whatever_is_said(text: str) -> str:
    """The error line for a text; empty if it is accepted."""
    try:
        parse(text)
    except ConfigurationError as refused:
        return without_line(refused)
    return ""


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_whatever_the_text_it_is_read_or_refused_on_one_printable_line(text: str) -> None:
    assert whatever_is_said(text).isprintable()


toml_values = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=20) | st.dates() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from(
        [
            *("name", "endpoint", "public_key", "known_keys", "preshared_key_command", "inspect", "note"),
            *SETTINGS_KEYS,
        ]
    ),
    toml_values,
)
def test_whatever_stands_in_a_key_the_line_says_which_server_it_is(key: str, value: object) -> None:
    said = whatever_is_said("[[server]]\n" + tomli_w.dumps({key: value}))
    assert said.startswith("servers.toml: server ")
    assert said.isprintable()


@pytest.mark.parametrize(
    ("protocol", "endpoint", "said"),
    [
        ("openvpn", "https://vpn.example.net/", 'type "vpn.example.net:1194"'),
        ("ikev2", "vpn.example.net", 'such as "fra1.example.net:500"'),
        ("trojan", "2001:db8::1", 'such as "[2001:db8::1]:443"'),
        ("trojan", "trojan://secret@vpn.example.net:443", "type: wgmon-tui import -, then paste it"),
    ],
)
def test_a_bad_endpoint_is_answered_with_the_usual_port_of_the_protocol(
    protocol: str, endpoint: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse(f'[[server]]\nname = "a"\nprotocol = "{protocol}"\nendpoint = "{endpoint}"\n')
    assert said in str(refused.value)
    assert "secret@" not in str(refused.value)


def test_of_an_unknown_protocol_no_key_of_wireguard_is_demanded() -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse('[[server]]\nname = "a"\nprotocol = "trojn"\nendpoint = "vpn.example.net:443"\n')
    assert str(refused.value) == (
        'servers.toml: line 3: server "a": key protocol: there is no "trojn"; did you mean "trojan"?'
    )


def test_a_file_for_a_setting_that_is_a_text_is_answered_with_that_setting() -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse(
            '[[server]]\nname = "a"\nprotocol = "trojan"\nendpoint = "vpn.example.net:443"\n'
            '[server.trojan]\nca_file = "ca.pem"\n'
        )
    assert str(refused.value).endswith('trojan: unknown setting "ca_file"; did you mean "ca"?')
