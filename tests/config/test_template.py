"""The templates: every setting is in them, and what is switched on is valid."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from wgmon_tui.config.config_sections import SECTIONS, parse_config
from wgmon_tui.config.config_toml import Config
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.server_settings import DEFAULTS, IDENTITY, SERVER
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.config.setting import Section
from wgmon_tui.config.template import config_template, servers_template
from wgmon_tui.protocols.amneziawg.settings import SECTION as AMNEZIAWG_SECTION

_OFF = re.compile(r"^#(?=[\w\[])")
_OFF_IN_BLOCK = re.compile(r"^##(?=\w)")
_NEED_EACH_OTHER = (
    "escalate_after",
    "escalate_to",
    "node_identity",  # it needs an [[identity]]
    "header_protection_key_file",  # it needs s1 to s4
    *("secret_file", "certificate_file", "key_file", "eap_user", "eap_password_file", "dedicated"),  # ikev2
)

Parser = Callable[[str], object]
TEMPLATES: list[tuple[str, Parser]] = [(config_template(), parse_config), (servers_template(), parse)]


def blocks(template: str) -> Iterator[tuple[int, int]]:
    """The first line of each block in [[ ]], and the line after it."""
    lines = template.split("\n")
    for first, line in enumerate(lines):
        if line.startswith("#[["):
            yield first, lines.index("", first)


def on(template: str, *ranges: tuple[int, int]) -> list[str]:
    lines = template.split("\n")
    for first, end in ranges:
        lines[first:end] = [re.sub(r"^#(?=[#\w\[])", "", line) for line in lines[first:end]]
    return lines


def needed(template: str, kind: str) -> list[tuple[int, int]]:
    """The blocks that a block of this kind names: the first sink, the first identity."""
    wanted = {"rule": "sink", "server": "identity"}.get(kind)
    lines = template.split("\n")
    return [block for block in blocks(template) if wanted and lines[block[0]] == f"#[[{wanted}]]"][:1]


def test_switched_off_the_templates_say_nothing() -> None:
    assert parse_config(config_template()) == Config()
    assert parse(servers_template()) == Fleet()


@pytest.mark.parametrize(("template", "read"), TEMPLATES, ids=["config.toml", "servers.toml"])
def test_each_line_outside_of_blocks_can_be_switched_on(template: str, read: Parser) -> None:
    inside = {number for first, end in blocks(template) for number in range(first, end)}
    count = 0
    for number, line in enumerate(template.split("\n")):
        if number not in inside and _OFF.match(line):
            count += 1
            extra = needed(template, "server") if line == '#identity = "bastion"' else []
            read("\n".join(on(template, (number, number + 1), *extra)))
    assert count > 10


@pytest.mark.parametrize(("template", "read"), TEMPLATES, ids=["config.toml", "servers.toml"])
def test_each_block_can_be_switched_on_and_then_each_line_in_it(template: str, read: Parser) -> None:
    for block in blocks(template):
        kind = template.split("\n")[block[0]].strip("#[]")
        lines = on(template, block, *needed(template, kind))
        read("\n".join(lines))
        for number in range(*block):
            key = lines[number].strip("#").partition(" ")[0]
            if _OFF.match(lines[number]) and key not in _NEED_EACH_OTHER:
                read("\n".join([*lines[:number], lines[number][1:], *lines[number + 1 :]]))


@pytest.mark.parametrize(
    ("template", "sections"),
    [(config_template(), SECTIONS), (servers_template(), (DEFAULTS, IDENTITY, SERVER, AMNEZIAWG_SECTION))],
    ids=["config.toml", "servers.toml"],
)
def test_every_setting_is_there_with_its_meaning(template: str, sections: tuple[Section, ...]) -> None:
    words = " ".join(re.sub(r"^#+ ?", "", line) for line in template.split("\n"))
    settings = [each for section in sections for each in section.settings]
    settings += [each for section in sections for kind in section.variants.values() for each in kind.settings]
    for setting in settings:
        assert re.search(rf"^#+{setting.key}(_file)? = ", template, re.MULTILINE), setting.key
        assert setting.help in words
    for section in sections:
        assert not section.name or re.search(rf"\[(server\.)?{section.name}\]", template)
        assert section.any_key is None or section.any_key.help in words


def test_the_defaults_that_are_shown_are_those_in_force() -> None:
    lines = config_template().split("\n")
    history = lines.index("[history]")
    viewer = lines.index("[viewer]")
    assert parse_config("\n".join(on(config_template(), (history, viewer)))) == Config()
