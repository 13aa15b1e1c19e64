"""The JSON Schemas in docs/ agree with the readers, as far as a schema can."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import date, datetime, time

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from docs.json_schema import config_schema, servers_schema
from docs.make import HERE
from docs.settings_pages import CONFIG_EXAMPLE, SERVERS_EXAMPLE
from tests.config.sample_fleets import MINIMAL_TOML, SERVER_KEY, fleets
from wgmon_tui.config.config_sections import parse_config
from wgmon_tui.config.models import ConfigurationError, Fleet
from wgmon_tui.config.servers_toml import parse, render

SERVERS = Draft202012Validator(json.loads(servers_schema()))
CONFIG = Draft202012Validator(json.loads(config_schema()))

PAGER = '[[sink]]\nname = "pager"\ntype = "slack"\nurl_file = "slack.url"\n'


def as_json(value: object) -> object:
    """A TOML value as an editor passes it to the schema: times are strings."""
    match value:
        case dict():
            return {key: as_json(each) for key, each in value.items()}
        case list():
            return [as_json(each) for each in value]
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return value


def schema_accepts(schema: Draft202012Validator, text: str) -> bool:
    return bool(schema.is_valid(as_json(tomllib.loads(text))))


def reader_accepts(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ConfigurationError:
        return False
    return True


@pytest.mark.parametrize("schema", [servers_schema, config_schema])
def test_a_schema_is_one_of_its_draft(schema: Callable[[], str]) -> None:
    Draft202012Validator.check_schema(json.loads(schema()))


@given(fleets())
def test_the_schema_accepts_every_servers_toml_that_can_be_written(fleet: Fleet) -> None:
    assert schema_accepts(SERVERS, render(fleet))


@pytest.mark.parametrize(
    ("read", "schema", "text", "page"),
    [
        (parse, SERVERS, SERVERS_EXAMPLE, "servers-toml.md"),
        (parse_config, CONFIG, CONFIG_EXAMPLE, "config-toml.md"),
    ],
)
def test_the_example_of_a_page_is_accepted_by_reader_and_schema(
    read: Callable[[str], object], schema: Draft202012Validator, text: str, page: str
) -> None:
    assert text in (HERE / page).read_text()
    read(text)
    schema.validate(as_json(tomllib.loads(text)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        MINIMAL_TOML,
        MINIMAL_TOML + 'tunnel_mtu = 0\ntunnel_over = "0s"\nslow = "1.5s"',
        MINIMAL_TOML + 'preshared_key_command = ["pass", "show", "psk"]',
        '[defaults]\nfail_after = 3\ntags = ["eu"]\n' + MINIMAL_TOML,
    ],
)
def test_reader_and_schema_accept_a_good_servers_toml(text: str) -> None:
    assert reader_accepts(parse, text)
    assert schema_accepts(SERVERS, text)


@pytest.mark.parametrize(
    "text",
    [
        "[[servers]]",
        'defaults = "x"',
        '[defaults]\nnote = "not for all"',
        MINIMAL_TOML + 'intervall = "10s"',
        MINIMAL_TOML + "interval = 10",
        MINIMAL_TOML + 'interval = "10"',
        MINIMAL_TOML + "fail_after = 0",
        MINIMAL_TOML + "tunnel = 1",
        MINIMAL_TOML + "tunnel_mtu = 100",
        MINIMAL_TOML + 'tunnel_ping = "10.8.0.1"',
        MINIMAL_TOML + 'tunnel_ping = ["inner.example.net"]',
        MINIMAL_TOML + "inspect = []",
        MINIMAL_TOML + 'preshared_key_file = "a"\npreshared_key_env = "B"',
        MINIMAL_TOML.replace('name = "fra1"\n', ""),
        MINIMAL_TOML.replace(str(SERVER_KEY), "short="),
        MINIMAL_TOML.replace(":51820", ""),
        MINIMAL_TOML.replace('private_key_file = "bastion.key"\n', ""),
    ],
)
def test_reader_and_schema_refuse_a_bad_servers_toml(text: str) -> None:
    assert not reader_accepts(parse, text)
    assert not schema_accepts(SERVERS, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[keys]\npause = "f5"\nfilter = ["/", "ctrl+f"]',
        PAGER,
        '[[sink]]\nname = "t"\ntype = "telegram"\ntoken_env = "T"\nchat = "@room"\nthread = 3',
        '[[sink]]\nname = "m"\ntype = "email"\nhost = "smtp"\nfrom = "a@b.net"\nto = ["c@d.net"]',
        '[[sink]]\nname = "am"\ntype = "alertmanager"\nurl = "http://x"\nlabels = { severity = "page" }',
        '[[sink]]\nname = "b"\ntype = "bell"\ndesktop = false\ntimeout = "20s"',
        '[[maintenance]]\nname = "m"\nfrom = 2026-12-01T02:00:00\nuntil = 2026-12-02T06:00:00Z',
        '[[vantage]]\nname = "v"\ncommand = ["ssh", "x", "wgmon-tui", "agent"]',
    ],
)
def test_reader_and_schema_accept_a_good_config_toml(text: str) -> None:
    assert reader_accepts(parse_config, text)
    assert schema_accepts(CONFIG, text)


@pytest.mark.parametrize(
    "text",
    [
        "[histroy]",
        "theme = 3",
        "quorum = 0",
        "[history]\nraw = 12",
        '[viewer]\ntake_over = "yes"',
        "[keys]\npause = []",
        "[columns]\nfleet = []",
        '[filters]\nx = " "',
        PAGER + 'timeout = "soon"',
        PAGER + "chat = 3",
        PAGER.replace("slack", "pigeon"),
        PAGER.replace('url_file = "slack.url"\n', ""),
        '[[sink]]\nname = "m"\ntype = "email"\nhost = "smtp"\nfrom = "a"\nto = ["c@d.net"]',
        PAGER + '[[rule]]\ntags = ["eu"]',
        PAGER + "[[rule]]\nsinks = []",
        PAGER + '[[rule]]\nsinks = ["pager"]\nverdicts = ["sleepy"]',
        PAGER + '[[rule]]\nsinks = ["pager"]\nescalate_after = "15m"',
        PAGER + '[[rule]]\nsinks = ["pager"]\nquiet = ["night"]',
        '[[maintenance]]\nname = "m"',
        '[[maintenance]]\nname = "m"\nfrom = 2026-12-01T02:00:00',
        '[[maintenance]]\nname = "m"\nfrom = "soon"\nuntil = "later"',
        '[[maintenance]]\nname = "m"\nfrom = 2026-12-01T02:00:00\nweekly = ["tue 02:00-04:00"]',
        '[[vantage]]\nname = "v"',
        '[[vantage]]\nname = "v"\nhost = "-x"',
        '[[vantage]]\nname = "v"\nhost = "x"\ncommand = ["ssh"]',
    ],
)
def test_reader_and_schema_refuse_a_bad_config_toml(text: str) -> None:
    assert not reader_accepts(parse_config, text)
    assert not schema_accepts(CONFIG, text)
