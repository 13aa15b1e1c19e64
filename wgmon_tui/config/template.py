"""Templates of config.toml and servers.toml: every setting with its meaning and its default, switched off.

They follow from the declared settings. A line `#key = …` is switched off. The tables in [[ ]] are switched
off as whole blocks; in a block, `##key = …` stays off until it is wanted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from textwrap import wrap

from wgmon_tui.config.config_sections import SECTIONS
from wgmon_tui.config.control_planes import CONTROL_PLANE
from wgmon_tui.config.protocol_settings import known_protocols, settings_of
from wgmon_tui.config.server_settings import DEFAULTS, IDENTITY, SERVER
from wgmon_tui.config.setting import Section, Setting
from wgmon_tui.config.value_types import SecretType

_WIDTH = 100

_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
"""A link of the reference pages."""

_EXAMPLES: Mapping[tuple[str, str], str] = {
    ("", "theme"): '"night"',
    ("", "witness"): '"192.0.2.53"',
    ("keys", "ACTION"): 'pause = "f5"',
    ("columns", "fleet"): '["name", "state", "verdict", "rtt", "since"]',
    ("filters", "NAME"): 'europe = "state:down tag:eu"',
    ("sink", "url"): '"pager.url"',
    ("sink", "chat"): "4711",
    ("sink", "thread"): "1",
    ("sink", "host"): '"smtp.example.net"',
    ("sink", "port"): "587",
    ("sink", "username"): '"wgmon"',
    ("sink", "from"): '"wgmon@example.net"',
    ("sink", "to"): '["noc@example.net"]',
    ("sink", "ca_file"): '"ca.pem"',
    ("sink", "labels"): '{ site = "fra" }',
    ("sink", "command"): '["/usr/local/bin/page", "--team", "net"]',
    ("rule", "sinks"): '["webhook"]',
    ("rule", "tags"): '["edge"]',
    ("rule", "servers"): '["fra*"]',
    ("rule", "severities"): '["down"]',
    ("rule", "verdicts"): '["silent"]',
    ("rule", "quiet"): '["22:00-07:00"]',
    ("rule", "remind_every"): '"4h"',
    ("rule", "escalate_after"): '"15m"',
    ("rule", "escalate_to"): '["webhook"]',
    ("maintenance", "name"): '"patch night"',
    ("maintenance", "weekly"): '["tue 02:00-04:00"]',
    ("maintenance", "from"): "2026-12-01T02:00:00",
    ("maintenance", "until"): "2026-12-01T06:00:00",
    ("maintenance", "tags"): '["edge"]',
    ("maintenance", "servers"): '["fra*"]',
    ("vantage", "name"): '"nyc"',
    ("vantage", "host"): '"probe@nyc1.example.net"',
    ("vantage", "command"): '["ssh", "-T", "nyc1", "wgmon-tui", "agent"]',
    ("vantage", "tags"): '["eu"]',
    ("subscription", "name"): '"provider"',
    ("subscription", "url"): '"provider.url"',
    ("subscription", "tags"): '["eu"]',
    ("action", "key"): '"o"',
    ("action", "label"): '"ssh"',
    ("action", "command"): '["ssh", "{host}"]',
    ("identity", "name"): '"bastion"',
    ("identity", "private_key"): '"bastion.key"',
    ("identity", "addresses"): '["10.8.0.250/32"]',
    ("control_plane", "name"): '"office mesh"',
    ("control_plane", "type"): '"tailscale"',
    ("control_plane", "url"): '"https://api.tailscale.com"',
    ("control_plane", "token"): '"tailscale.token"',
    ("control_plane", "relays"): '["derps://derp.example.net", "stun:derp.example.net:3478"]',
    ("control_plane", "node_ping"): "true",
    ("control_plane", "derp_map"): '"https://controlplane.tailscale.com/derpmap/default"',
    ("control_plane", "derp_regions"): '["fra"]',
    ("control_plane", "socket"): '"/run/tailscale/tailscaled.sock"',
    ("control_plane", "ca"): '"authority.pem"',
    ("control_plane", "watch_tags"): '["tag:prod"]',
    ("control_plane", "watch_names"): '["web*"]',
    ("control_plane", "node_identity"): '"bastion"',
    ("control_plane", "node_tags"): '["mesh"]',
    ("control_plane", "node_port"): "22",
    ("control_plane", "node_interval"): '"30s"',
    ("control_plane", "fail_window"): "3",
    ("control_plane", "timeout"): '"5s"',
    ("control_plane", "tags"): '["eu"]',
    ("control_plane", "note"): '"in the office"',
    ("server", "name"): '"fra1"',
    ("server", "endpoint"): '"fra1.example.net:51820"',
    ("server", "public_key"): '"TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="',
    ("server", "known_keys"): '["gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA="]',
    ("server", "preshared_key"): '"fra1.psk"',
    ("server", "identity"): '"bastion"',
    ("server", "timeout"): '"5s"',
    ("server", "fail_window"): "3",
    ("server", "tags"): '["eu", "edge"]',
    ("server", "tunnel_ping"): '["10.8.0.1"]',
    ("server", "tunnel_dns"): '["10.8.0.1"]',
    ("server", "tunnel_tcp"): '["10.8.0.1:443"]',
    ("server", "tunnel_http"): '["http://10.8.0.5/health", "https://10.8.0.5/ status=401"]',
    ("server", "tunnel_mtu"): "1420",
    ("server", "inspect"): '["ssh", "fra1", "sudo", "wg", "show", "wg0", "dump"]',
    ("server", "inspect_config"): '["ssh", "fra1", "sudo", "cat", "/etc/wireguard/wg0.conf"]',
    **{("amneziawg", f"i{number}"): '"<b 0xc70000000108><r 64>"' for number in range(1, 6)},
    ("amneziawg", "header_protection_key"): '"fra1.hpk"',
    ("server", "note"): '"rack 4, ask Ada before a reboot"',
    ("system-path", "client"): '"tailscale"',
}
"""TOML values of settings without a default that can be written down, by section and key."""

_OF_EACH_VARIANT = ("name", "type")
"""Keys of a table with types that each block has, explained once."""

_CONFIG_HEAD = """\
config.toml of wgmon-tui: every setting, with its default or an example. A line "#key = value" is switched \
off: remove the "#" to set it. A table in [[ ]] is a block of such lines: remove the "#" of the whole block, \
then that of the lines in it that you want. A secret KEY_file can also be KEY_command, KEY_env, \
KEY_credential or KEY. Durations have a unit: "500ms", "10s", "2m", "1.5h", "90d"."""

_SERVERS_HEAD = """\
servers.toml of wgmon-tui: every setting, with its default or an example. A line "#key = value" is switched \
off: remove the "#" to set it. A table in [[ ]] is a block of such lines: remove the "#" of the whole block, \
then that of the lines in it that you want. A secret KEY_file can also be KEY_command, KEY_env, \
KEY_credential or KEY. wgmon-tui writes this file, too, and keeps no comments then. \
Durations have a unit: "500ms", "10s", "2m", "1.5h", "90d"."""


def config_template() -> str:
    """A config.toml with every setting, all switched off."""
    unnamed = (section for section in SECTIONS if not section.name)
    named = (section for section in SECTIONS if section.name)
    return _write(_CONFIG_HEAD, (*unnamed, *named))


def servers_template() -> str:
    """A servers.toml with every setting, all switched off."""
    tables = [_own_table(name) for name in known_protocols()]
    return _write(
        _SERVERS_HEAD, (IDENTITY, DEFAULTS, CONTROL_PLANE, SERVER), [each for each in tables if each]
    )


def _write(head: str, sections: Iterable[Section], more: Iterable[Iterable[str]] = ()) -> str:
    lines = list(_comment(head))
    for section in sections:
        lines += ["", *_section(section)]
    for block in more:
        lines += ["", *block]
    return "\n".join([*lines, ""])


def _own_table(protocol: str) -> list[str]:
    """A server with the table of its protocol; nothing if the protocol has no table."""
    settings = settings_of(protocol)
    section = settings.section
    if section is None:
        return []
    required = (each for each in SERVER.settings if each.required and settings.has_key(each))
    return [
        *_comment(section.help),
        "",
        f"#[[{SERVER.name}]]",
        *(f"#{_assignment(SERVER.name, each, {})}" for each in required),
        f"#protocol = {json.dumps(protocol)}",
        f"#[{SERVER.name}.{protocol}]",
        *(
            line
            for each in section.settings
            for line in _setting(protocol, each, section.usual(), "#" if each.required else "##")
        ),
    ]


def _section(section: Section) -> Iterator[str]:
    if section.repeated:
        yield from _repeated(section)
        return
    if section.name:
        yield from _comment(section.help)
        yield f"[{section.name}]"
        yield ""
    if section.any_key:
        yield from _comment(section.any_key.help)
        yield f"#{_EXAMPLES[section.name, section.any_key.key]}"
    usual = section.usual()
    name = "server" if section is DEFAULTS else section.name
    for number, setting in enumerate(section.settings):
        yield from ([""] if number else [])
        yield from _setting(name, setting, usual, "#")


def _repeated(section: Section) -> Iterator[str]:
    """A block for each type of the table, or for each group of keys that exclude each other."""
    yield from _comment(section.help)
    if section.variants:
        for setting in section.settings:
            if setting.key in _OF_EACH_VARIANT:
                yield from _comment(f"{setting.key}: {setting.help}")
        for number, (kind, variant) in enumerate(section.variants.items()):
            yield ""
            yield from _comment(variant.help)
            common = [each for each in section.settings if each.key not in _OF_EACH_VARIANT]
            examples = {"name": json.dumps(kind), "type": json.dumps(kind)}
            settings = [*variant.settings, *(common if number == 0 else ())]
            yield from _block(section, examples, settings, variant.usual() | section.usual())
        return
    for group in section.alternatives or ((),):
        others = {key for keys in section.alternatives if keys != group for key in keys}
        settings = [each for each in section.settings if each.key not in others]
        yield ""
        yield from _block(section, {}, settings, section.usual(), needed=group)


def _block(
    section: Section,
    examples: Mapping[str, str],
    settings: Iterable[Setting],
    usual: Mapping[str, object],
    needed: Iterable[str] = (),
) -> Iterator[str]:
    yield f"#[[{section.name}]]"
    yield from (f"#{key} = {example}" for key, example in examples.items())
    ranked = sorted(settings, key=lambda each: not (each.required or each.key in needed))
    for setting in ranked:
        mark = "#" if setting.required or setting.key in needed else "##"
        if setting.key in section.together:
            yield f"# Write {' and '.join(section.together)} both or not at all."
        yield from _setting(section.name, setting, usual, mark)


def _setting(section: str, setting: Setting, usual: Mapping[str, object], mark: str) -> Iterator[str]:
    limits = f" Allowed: {setting.type.limits}." if setting.type.limits else ""
    default = "" if setting.required or not setting.default else f" Default: {setting.default}."
    yield from _comment(f"{setting.help}{limits}{default}")
    yield f"{mark}{_assignment(section, setting, usual)}"


def _assignment(section: str, setting: Setting, usual: Mapping[str, object]) -> str:
    if isinstance(setting.type, SecretType):
        return f"{setting.key}_file = {_EXAMPLES.get((section, setting.key), json.dumps(setting.key))}"
    example = _EXAMPLES.get((section, setting.key))
    value = usual.get(setting.key)
    if example is None or value not in (None, "", [], {}):
        example = json.dumps("" if value is None else value, ensure_ascii=False)
    return f"{setting.key} = {example}"


def _comment(text: str) -> Iterator[str]:
    plain = _LINK.sub(r"\1", text)
    return (f"# {line}" for line in wrap(plain, _WIDTH - 2, break_on_hyphens=False))
