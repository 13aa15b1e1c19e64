"""The table `[server.amneziawg]`: read, checked and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.amneziawg.profiles import VERSION_1_5, header_range, parameters
from wgmon_tui.config.models import ConfigurationError, SecretForm, SecretSource
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.protocols.amneziawg.parameters import Parameters
from wgmon_tui.protocols.amneziawg.settings import SECTION, AmneziaWgSettings, read_settings, write


def read(entries: dict[str, object]) -> AmneziaWgSettings:
    return read_settings(TomlTable("servers.toml", entries, SECTION.known_keys)) or AmneziaWgSettings()


def test_all_forms_of_values_are_read() -> None:
    settings = read(
        {
            "jc": 4,
            "s1": 15,
            "s2": 18,
            "s3": 20,
            "s4": 16,
            "h1": 1020325451,
            "h2": "3000-4000",
            "h3": "5",
            "h4": 6,
            "i1": "<b 0xc7><rc 8>",
            "random_trailers": True,
            "header_protection_key_file": "fra1.hpk",
        }
    )
    assert (settings.jc, settings.prefixes) == (4, (15, 18, 20, 16))
    assert settings.headers == tuple(map(header_range, ("1020325451", "3000-4000", "5", "6")))
    assert str(settings.i1) == "<b 0xc7><rc 8>"
    assert settings.random_trailers
    assert settings.header_protection_key == SecretSource(SecretForm.FILE, "fra1.hpk")


def test_an_empty_table_means_the_packets_of_wireguard() -> None:
    assert read({}).parameters == Parameters()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"jc": 129}, "key jc: expected an integer from 0 to 128, got 129"),
        ({"s1": "15"}, 'key s1: expected an integer from 0 to 1280, got "15"'),
        ({"h1": "9-5"}, "key h1: expected a range that grows, with numbers up to 4294967295"),
        ({"h1": 4294967296}, "key h1: expected a range that grows"),
        ({"h1": True}, 'key h1: expected a number or a range "a-b", got true'),
        ({"h2": "1-9"}, "key h2: the same numbers as h1; each message needs numbers of its own"),
        ({"h4": 3}, "key h4: the same numbers as h3"),
        ({"i1": "quic"}, "key i1: it has no tag; the tags are <b 0x…>"),
        ({"jmin": 5}, "key jmax: expected no less than jmin, which is 5, got 0"),
        (
            {"header_protection_key_file": "k", "s1": 12, "s2": 12, "s3": 11, "s4": 12},
            "key s3: expected at least 12 with header_protection_key, got 11",
        ),
        ({"s5": 1}, 'unknown setting "s5"'),
        ({"header_protection_key": "short"}, "key header_protection_key: not a WireGuard key"),
    ],
)
def test_an_invalid_value_is_one_line_with_the_key_and_what_is_expected(
    entries: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read(entries)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@given(parameters(), st.booleans())
def test_what_is_written_is_read_again(made: Parameters, has_key: bool) -> None:
    source = SecretSource(SecretForm.ENV, "HPK") if has_key else None
    settings = AmneziaWgSettings.of(made, source)
    assert read(dict(write(settings))) == settings


def test_defaults_are_not_written() -> None:
    written = write(AmneziaWgSettings.of(VERSION_1_5))
    assert "i3" not in written
    assert "s4" not in written
    assert written["i2"] == "<rd 12>"
    assert written["h1"] == 1020325451
