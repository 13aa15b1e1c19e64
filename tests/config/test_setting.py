"""The declared keys of servers.toml and config.toml, compared with the records that store their values."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from wgmon_tui.config.config_sections import SECTIONS
from wgmon_tui.config.server_settings import IDENTITY, SERVER
from wgmon_tui.config.setting import Section, Setting, defaults_of
from wgmon_tui.config.value_types import SecretType

ALL_SECTIONS = (SERVER, IDENTITY, *SECTIONS)


def every_setting() -> Iterable[tuple[Section, Setting]]:
    for section in ALL_SECTIONS:
        for each in (section, *section.variants.values()):
            yield from ((each, setting) for setting in each.settings)


DECLARED = [pytest.param(*each, id=f"{each[0].name}-{each[1].key}") for each in every_setting()]


@pytest.mark.parametrize(("section", "setting"), DECLARED)
def test_a_default_is_a_value_that_may_be_written_in_the_file(section: Section, setting: Setting) -> None:
    written = section.usual().get(setting.key)
    if isinstance(setting.type, SecretType) or written in (None, "", []):
        return  # the default text for no default
    assert setting.type.read(written) == defaults_of(section.record)[setting.attribute]


@pytest.mark.parametrize(("section", "setting"), DECLARED)
def test_a_setting_has_help_in_whole_sentences(section: Section, setting: Setting) -> None:
    assert re.fullmatch(r"[A-Z].*[^ ][.…]", setting.help), setting.help


@pytest.mark.parametrize("section", [SERVER, IDENTITY], ids=lambda section: section.name)
def test_every_key_has_its_own_place_in_the_form(section: Section) -> None:
    places = [setting.form.place for setting in section.settings if setting.form]
    assert len(set(places)) == len(places) == len(section.settings)


@pytest.mark.parametrize("section", [SERVER, IDENTITY], ids=lambda section: section.name)
def test_every_attribute_of_a_record_has_its_key(section: Section) -> None:
    attributes = set(section.record.__dataclass_fields__) - {
        "protocol_settings",  # a table of its own
        "control_plane",  # of nodes that a rule selects, which the file does not have
        "node_id",
    }
    assert {setting.attribute for setting in section.settings} == attributes


def test_every_setting_of_the_first_level_is_declared_once() -> None:
    keys = [key for section in SECTIONS if not section.name for key in section.known_keys]
    names = [section.name for section in SECTIONS if section.name]
    assert len(set(keys + names)) == len(keys + names)
