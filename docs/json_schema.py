"""JSON Schemas of servers.toml and config.toml, for editors. They follow from the declared settings.

They use only keywords that editors know for long, although they say draft 2020-12.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from wgmon_tui.checks.registry import protocol_names
from wgmon_tui.config.config_sections import SECTIONS
from wgmon_tui.config.control_planes import CONTROL_PLANE
from wgmon_tui.config.models import SecretForm
from wgmon_tui.config.protocol_settings import settings_of
from wgmon_tui.config.server_settings import DEFAULTS, IDENTITY, SERVER
from wgmon_tui.config.setting import Section, Setting
from wgmon_tui.config.value_types import SecretType

Schema = dict[str, object]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_FORMS = {
    SecretForm.FILE: "The name of a file that holds it and that only its owner may read.",
    SecretForm.COMMAND: "A command that prints it. No shell is involved.",
    SecretForm.ENV: "The name of an environment variable that holds it.",
    SecretForm.CREDENTIAL: "The name of a systemd credential that holds it.",
    SecretForm.INLINE: "The secret itself.",
}


def servers_schema() -> str:
    """The schema of servers.toml."""
    return _document("servers.toml of wgmon-tui", (DEFAULTS, IDENTITY, CONTROL_PLANE, SERVER))


def config_schema() -> str:
    """The schema of config.toml."""
    return _document("config.toml of wgmon-tui", SECTIONS)


def _document(title: str, sections: Iterable[Section]) -> str:
    properties: Schema = {}
    for section in sections:
        if not section.name:
            properties |= _properties(section.settings, section.usual())
        elif section.repeated:
            properties[section.name] = {
                "type": "array",
                "description": section.help,
                "items": _with_protocols(section) if section is SERVER else _repeated(section),
            }
        else:
            properties[section.name] = {**_table(section), "description": section.help}
    whole = {"$schema": _DRAFT, "title": title, "type": "object", "properties": properties}
    return json.dumps({**whole, "additionalProperties": False}, indent=2, ensure_ascii=False) + "\n"


def _with_protocols(section: Section) -> Schema:
    """A `[[server]]`, with the tables of the protocols. Which keys go with which protocol is not in it."""
    schema = _repeated(section)
    tables: Schema = {
        name: {**_table(own), "description": own.help}
        for name in protocol_names()
        if (own := settings_of(name).section) is not None
    }
    properties = schema["properties"]
    if not isinstance(properties, dict):
        raise TypeError("a server has variants")
    settings = [settings_of(name) for name in protocol_names()]
    required = [
        each.key
        for each in section.settings
        if each.required and all(protocol.has_key(each) for protocol in settings)
    ]
    return {**schema, "properties": {**properties, **tables}, "required": required}


def _repeated(section: Section) -> Schema:
    """One of the tables of a section: of its variants where it has some."""
    if not section.variants:
        return _table(section)
    return {
        "oneOf": [_variant(section, kind, variant) for kind, variant in section.variants.items()],
    }


def _variant(section: Section, kind: str, variant: Section) -> Schema:
    settings = (*section.settings, *variant.settings)
    schema = _object(settings, section.usual() | variant.usual())
    of_this_type: Schema = {"properties": {"type": {"const": kind}}}
    return {
        "title": kind,
        "description": variant.help,
        **schema,
        "allOf": [of_this_type, *_secret_rules(settings)],
    }


def _table(section: Section) -> Schema:
    schema = _object(section.settings, section.usual(), _rules(section))
    if section.any_key is not None:
        schema["additionalProperties"] = _described(section.any_key, None)
    return schema


def _object(
    settings: tuple[Setting, ...], usual: Mapping[str, object], rules: Iterable[Schema] = ()
) -> Schema:
    required = [each.key for each in settings if each.required and not isinstance(each.type, SecretType)]
    every_rule = [*rules, *_secret_rules(settings)]
    return {
        "type": "object",
        "properties": _properties(settings, usual),
        "additionalProperties": False,
        **({"required": required} if required else {}),
        **({"allOf": every_rule} if every_rule else {}),
    }


def _properties(settings: Iterable[Setting], usual: Mapping[str, object]) -> Schema:
    properties: Schema = {}
    for setting in settings:
        if isinstance(setting.type, SecretType):
            for form, schema in setting.type.schemas.items():
                description = f"{setting.help} {_FORMS[form]}"
                properties[setting.key + form.value] = {**schema, "description": description}
        else:
            properties[setting.key] = _described(setting, usual.get(setting.key))
    return properties


def _described(setting: Setting, usual: object) -> Schema:
    if isinstance(setting.type, SecretType):
        raise TypeError(f"{setting.key} is a secret")
    limits = f" Allowed: {setting.type.limits}." if setting.type.limits else ""
    schema = {**setting.type.schema, "description": setting.help + limits}
    return schema if usual is None or setting.default else {**schema, "default": usual}


def _secret_rules(settings: Iterable[Setting]) -> Iterable[Schema]:
    """A secret stands in one of its keys; one that is not required may be absent."""
    for setting in settings:
        if isinstance(setting.type, SecretType):
            each: list[Schema] = [{"required": [key]} for key in setting.keys]
            yield {"oneOf": each if setting.required else [*each, {"not": {"anyOf": each}}]}


def _rules(section: Section) -> Iterable[Schema]:
    """Which keys exclude each other, and which stand together."""
    if section.alternatives:
        every = [key for group in section.alternatives for key in group]
        yield {
            "oneOf": [
                {
                    "required": list(group),
                    "not": {"anyOf": [{"required": [key]} for key in every if key not in group]},
                }
                for group in section.alternatives
            ]
        }
    if section.together:
        keys = section.together
        yield {"oneOf": [{"required": list(keys)}, {"not": {"anyOf": [{"required": [key]} for key in keys]}}]}
