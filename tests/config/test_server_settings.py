import ssl
from dataclasses import replace

import pytest

from tests.config.error_line import refusal, server_refusal
from tests.config.sample_fleets import AUTHORITY, AUTHORITY_LINE, BASTION, MINIMAL_TOML, server
from wgmon_tui.config.http_targets import certificate_bytes
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.server_settings import INTERVAL_RANGE, SETTINGS_KEYS, USUAL_TUNNEL_OVER
from wgmon_tui.config.servers_toml import parse, render

UNUSUAL = {
    "interval": '"1m"',
    "timeout": '"3s"',
    "slow": '"1s"',
    "fail_after": "3",
    "fail_window": "5",
    "recover_after": "1",
    "paused": "true",
    "tags": '["eu"]',
    "tunnel": "false",
    "tunnel_ping": '["10.8.0.1"]',
    "tunnel_dns": '["fd00::53"]',
    "tunnel_tcp": '["[fd00::1]:443"]',
    "tunnel_http": '["https://10.8.0.5/a?b=c status=401 text=sign in, please"]',
    "tunnel_ca": f'["""\n{AUTHORITY}"""]',
    "tunnel_mtu": "1420",
    "tunnel_count": "10",
    "tunnel_over": '"5s"',
    "tunnel_every": '"10m"',
    "tunnel_soak": '"2h"',
    "explain": "false",
    "explain_every": '"1h"',
    "try_identities": "true",
}
"""Every setting except the identity, with a value other than its default."""


EXPECTED_URL = (
    'expected a URL such as "http://10.8.0.5/health", without a user or a fragment and with %20 for a space'
)
UNRESOLVED = (
    '"www.example.net" is a name, which needs a resolver inside the tunnel; set tunnel_dns, '
    "or write its address after the URL: address=10.8.0.5"
)
EXPECTED_PEM = (
    "expected 1 to 20 certificates, each from -----BEGIN CERTIFICATE----- to "
    "-----END CERTIFICATE-----, and no private key"
)
REFUSED_URLS = (
    *(
        (url, f'{EXPECTED_URL}, got "{url}"')
        for url in ("10.8.0.5", "ftp://10.8.0.5/", "http://10.8.0.5/#top")
    ),
    ("http://me:secret@10.8.0.5/", f'{EXPECTED_URL}, got "http://…@10.8.0.5/"'),
    ("http://10.8.0.5:99999/", "expected a port from 1 to 65535, got 99999"),
    ("http://[fd00::1%eth0]/", 'expected an address without a zone, got "fd00::1%eth0"'),
    ("http://10.8.0.5/ statu=2", 'unknown option "statu" after the URL; did you mean "status"?'),
    ("http://10.8.0.5/ status=99", 'expected a status from 200 to 599, got "99"'),
    ("http://10.8.0.5/ status=200 status=201", "the option status is written twice"),
    ("http://10.8.0.5/ address=www", 'expected an address such as "10.8.0.1", got "www"'),
    ("http://10.8.0.5/ text=", "expected a text of 1 to 200 characters after text="),
    (
        "http://10.8.0.5/ ready",
        'expected options such as status=401 or text=ready after the URL, got "ready"',
    ),
)
REFUSED_CERTIFICATES = (
    ("ca.pem", EXPECTED_PEM),
    (
        "-----BEGIN CERTIFICATE----- AAAA -----END CERTIFICATE-----",
        "one of these certificates is damaged; copy it again",
    ),
)


def only_server(text: str) -> Server:
    (read,) = parse(text).servers
    return read


def test_a_server_that_says_no_more_has_the_usual_settings() -> None:
    assert only_server(MINIMAL_TOML) == server()


def test_there_is_an_unusual_value_for_every_setting() -> None:
    assert {*UNUSUAL, "identity"} == set(SETTINGS_KEYS)


@pytest.mark.parametrize("key", UNUSUAL)
def test_a_setting_means_the_same_in_the_defaults_and_in_a_server(key: str) -> None:
    said = f"{key} = {UNUSUAL[key]}\n"
    assert only_server(f"[defaults]\n{said}{MINIMAL_TOML}") == only_server(MINIMAL_TOML + said) != server()


@pytest.mark.parametrize("key", UNUSUAL)
def test_a_server_takes_back_what_its_defaults_say(key: str) -> None:
    defaults = parse(f"[defaults]\n{key} = {UNUSUAL[key]}").defaults
    fleet = Fleet((server(),), (BASTION,), defaults)
    assert parse(render(fleet)) == fleet


def test_a_server_that_differs_from_its_defaults_keeps_what_it_says() -> None:
    said = only_server('[defaults]\ninterval = "1m"\ntags = ["eu"]\n' + MINIMAL_TOML + 'tags = ["us"]')
    assert (said.interval, said.tags) == (60.0, ("us",))


def test_a_timeout_that_nobody_wrote_follows_a_short_interval() -> None:
    assert only_server(MINIMAL_TOML + 'interval = "2s"').timeout == 2.0
    assert only_server(MINIMAL_TOML + 'interval = "20s"').timeout == 5.0


def test_a_timeout_that_nobody_wrote_is_not_written_either() -> None:
    quick = replace(server(), interval=2.0, timeout=2.0)
    assert "timeout" not in render(Fleet((quick,), (BASTION,)))


def test_a_timeout_is_written_where_it_follows_another_interval_than_its_own() -> None:
    fleet = Fleet((replace(server(), interval=10.0, timeout=2.0),), (BASTION,), {"interval": "2s"})
    assert parse(render(fleet)) == fleet


def test_a_window_that_nobody_wrote_forgives_one_check() -> None:
    read = only_server(MINIMAL_TOML + "fail_after = 5")
    assert (read.fail_after, read.fail_window) == (5, 6)
    assert "fail_window" not in render(Fleet((read,), (BASTION,)))


def test_a_window_holds_as_many_checks_as_must_fail() -> None:
    assert only_server(MINIMAL_TOML + "fail_after = 3\nfail_window = 3").fail_window == 3
    assert server_refusal("fail_after = 3\nfail_window = 2") == (
        "key fail_window: expected no less than fail_after, which is 3, got 2; "
        "write fail_window = 4, or a smaller fail_after"
    )


def test_a_window_of_the_defaults_too_short_for_a_server_is_refused_there() -> None:
    shared = "[defaults]\nfail_window = 3\n" + MINIMAL_TOML
    assert only_server(shared).fail_window == 3
    assert refusal(shared + "fail_after = 4").startswith(
        'servers.toml: server "fra1": key fail_window: expected no less than fail_after, which is 4, got 3'
    )


def test_without_an_mtu_the_usual_sizes_are_tested() -> None:
    assert only_server(MINIMAL_TOML).tunnel_mtu is None
    assert "tunnel_mtu" not in render(Fleet((server(),), (BASTION,)))


@pytest.mark.parametrize(("said", "means"), [("0", 0), ('"usual"', None)])
def test_a_server_can_take_back_the_mtu_of_its_defaults(said: str, means: int | None) -> None:
    shared = "[defaults]\ntunnel_mtu = 1420\n" + MINIMAL_TOML
    assert only_server(shared + f"tunnel_mtu = {said}").tunnel_mtu == means


@pytest.mark.parametrize("said", ["0", '"0s"'])
def test_a_soak_interval_of_zero_turns_the_soak_off(said: str) -> None:
    assert only_server(MINIMAL_TOML + f"tunnel_soak = {said}").tunnel_soak == 0


def test_echoes_may_leave_all_at_once() -> None:
    fleet = Fleet((replace(server(), tunnel_over=0.0),), (BASTION,))
    assert 'tunnel_over = "0s"' in render(fleet)
    assert parse(render(fleet)) == fleet


def test_echoes_leave_within_the_interval() -> None:
    assert only_server(MINIMAL_TOML + 'tunnel_over = "9.9s"').tunnel_over == 9.9
    assert server_refusal('tunnel_over = "10s"') == (
        "key tunnel_over: expected less than the interval of 10s, got 10s; "
        'write tunnel_over = "500ms", or a longer interval'
    )


def test_echoes_that_the_defaults_spread_too_far_are_refused_where_the_interval_is_short() -> None:
    slow = '[defaults]\ninterval = "1m"\ntunnel_over = "20s"\n' + MINIMAL_TOML
    assert only_server(slow).tunnel_over == 20.0
    assert refusal(slow + 'interval = "5s"').startswith(
        'servers.toml: server "fra1": key tunnel_over: expected less than the interval of 5s, got 20s'
    )


def test_the_usual_echoes_leave_within_the_shortest_interval() -> None:
    assert INTERVAL_RANGE[0] > USUAL_TUNNEL_OVER
    assert only_server(MINIMAL_TOML + 'interval = "1s"').tunnel_over == USUAL_TUNNEL_OVER


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("fail_after", "1", 1),
        ("fail_after", "10", 10),
        ("fail_window", "20", 20),
        ("recover_after", "20", 20),
        ("tunnel_mtu", "576", 576),
        ("tunnel_mtu", "9000", 9000),
        ("tunnel_count", "1", 1),
        ("tunnel_count", "20", 20),
        ("tunnel_over", '"1ms"', 0.001),
        ("tunnel_every", '"10s"', 10.0),
        ("tunnel_every", '"24h"', 86400.0),
        ("explain_every", '"10s"', 10.0),
        ("explain_every", '"24h"', 86400.0),
    ],
)
def test_a_limit_is_within_its_range(key: str, value: str, read: float) -> None:
    assert getattr(only_server(f"{MINIMAL_TOML}{key} = {value}"), key) == read


def test_echoes_may_take_half_a_minute_where_the_interval_is_longer() -> None:
    assert only_server(MINIMAL_TOML + 'interval = "1m"\ntunnel_over = "30s"').tunnel_over == 30.0


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("tunnel = 1", "key tunnel: expected true or false, got 1"),
        ('explain = "no"', 'key explain: expected true or false, got "no"'),
        ("try_identities = []", "key try_identities: expected true or false, got a list"),
        ('tunnel_dns = "10.8.0.1"', 'key tunnel_dns: expected a list of texts in [ ], got "10.8.0.1"'),
        ('tunnel_dns = ["dns"]', 'key tunnel_dns: expected an address such as "10.8.0.1", got "dns"'),
        *(
            (
                f'tunnel_dns = ["{text}"]',
                (
                    "key tunnel_dns: expected a host name and an address such as "
                    f'"www.example.net@10.8.0.1", got "{text}"'
                ),
            )
            for text in ("www.example.net@dns", "@10.8.0.1", "a b@10.8.0.1", "10.8.0.1@www.example.net")
        ),
        (
            'tunnel_tcp = "10.8.0.1:443"',
            'key tunnel_tcp: expected a list of texts in [ ], got "10.8.0.1:443"',
        ),
        ("tunnel_http = [80]", "key tunnel_http: expected text in quotes, got 80"),
        *((f'tunnel_http = ["{url}"]', f"key tunnel_http: {refused}") for url, refused in REFUSED_URLS),
        *((f'tunnel_ca = ["{pem}"]', f"key tunnel_ca: {refused}") for pem, refused in REFUSED_CERTIFICATES),
        ("tunnel_tcp = [443]", "key tunnel_tcp: expected text in quotes, got 443"),
        ('tunnel_mtu = "1420"', 'key tunnel_mtu: expected an integer from 576 to 9000, got "1420"'),
        (
            "tunnel_mtu = 575",
            "key tunnel_mtu: expected an integer from 576 to 9000, got 575; write 0 to turn the test off",
        ),
        ("tunnel_mtu = 9001", "key tunnel_mtu: expected an integer from 576 to 9000, got 9001"),
        ("tunnel_mtu = false", "key tunnel_mtu: expected an integer from 576 to 9000, got false"),
        ("tunnel_mtu = 0.0", "key tunnel_mtu: expected an integer from 576 to 9000, got 0.0"),
        ('tunnel_count = "3"', 'key tunnel_count: expected an integer from 1 to 20, got "3"'),
        ("tunnel_count = true", "key tunnel_count: expected an integer from 1 to 20, got true"),
        ("tunnel_count = 3.0", "key tunnel_count: expected an integer from 1 to 20, got 3.0"),
        ("tunnel_count = nan", "key tunnel_count: expected an integer from 1 to 20, got "),
        ("tunnel_count = 0", "key tunnel_count: expected an integer from 1 to 20, got 0"),
        ("tunnel_count = 21", "key tunnel_count: expected an integer from 1 to 20, got 21"),
        ("tunnel_over = 0", 'key tunnel_over: expected a duration such as "10s", got 0'),
        ('tunnel_over = "31s"', 'key tunnel_over: expected a duration of 0s to 30s, got "31s"'),
        ('tunnel_over = "0.5ms"', 'key tunnel_over: expected "0s", or at least "1ms", got "0.5ms"'),
        ('tunnel_every = "9s"', 'key tunnel_every: expected a duration of 10s to 1d, got "9s"'),
        ('explain_every = "25h"', 'key explain_every: expected a duration of 10s to 1d, got "25h"'),
        ("fail_after = 0", "key fail_after: expected an integer from 1 to 10, got 0"),
        ("fail_window = 21", "key fail_window: expected an integer from 1 to 20, got 21"),
        ('recover_after = "2"', 'key recover_after: expected an integer from 1 to 20, got "2"'),
        ("tunel_mtu = 1420", 'unknown setting "tunel_mtu"; did you mean "tunnel_mtu"?'),
    ],
)
def test_a_setting_that_cannot_stand_is_refused_on_one_line_wherever_it_is(said: str, line: str) -> None:
    assert server_refusal(said).startswith(line)
    assert refusal(f"[defaults]\n{said}").startswith(f"servers.toml: defaults: {line}")


def test_a_server_may_be_of_a_protocol_that_is_not_checked_yet() -> None:
    assert only_server(MINIMAL_TOML).protocol == "wireguard"
    assert only_server(MINIMAL_TOML + 'protocol = "amneziawg"').protocol == "amneziawg"


def test_an_unknown_protocol_is_refused() -> None:
    assert server_refusal('protocol = "nonsense"') == (
        "key protocol: expected one of wireguard, amneziawg, system-path, openvpn, ikev2, shadowsocks, "
        'vmess, vless, trojan, proxy-command, got "nonsense"'
    )


def test_servers_cannot_share_a_protocol() -> None:
    assert "key protocol: belongs in a [[server]]" in refusal('[defaults]\nprotocol = "amneziawg"\n')


def test_a_name_in_a_url_is_fine_with_a_resolver_inside_or_with_its_address() -> None:
    with_resolver = MINIMAL_TOML + 'tunnel_dns = ["10.8.0.1"]\ntunnel_http = ["https://www.example.net"]'
    (target,) = only_server(with_resolver).tunnel_http
    assert (str(target), target.known_address) == ("https://www.example.net/", None)
    written = "http://faß.example:81?a address=fd00::5 text=sign in"
    (target,) = only_server(MINIMAL_TOML + f'tunnel_http = ["{written}"]').tunnel_http
    assert str(target) == "http://xn--fa-hia.example:81/?a address=fd00::5 text=sign in"
    assert str(target.known_address) == "fd00::5"


def test_a_name_in_a_url_that_nothing_inside_resolves_is_refused() -> None:
    assert server_refusal('tunnel_http = ["https://www.example.net/"]') == f"key tunnel_http: {UNRESOLVED}"


def test_certificates_are_read_with_what_stands_around_them_and_written_on_one_line_each() -> None:
    bundle = f"The authority of the house\n{AUTHORITY}and again:\n{AUTHORITY_LINE}"
    read = only_server(MINIMAL_TOML + f'tunnel_ca = ["""{bundle}"""]')
    assert read.tunnel_ca == (AUTHORITY_LINE, AUTHORITY_LINE)
    assert certificate_bytes(AUTHORITY_LINE) == ssl.PEM_cert_to_DER_cert(AUTHORITY)
