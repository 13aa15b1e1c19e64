"""`[[sink]]` of config.toml: the keys of each sink type, and their reader.

[[sink]]
name = "pager"
type = "webhook"                  # webhook, slack, telegram, discord, email, alertmanager, heartbeat …
url_file = "pager.url"            # a secret, in the same forms as a private key
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from wgmon_tui.config.alerting import (
    DAY_S,
    Alertmanager,
    Apprise,
    Bell,
    Command,
    Discord,
    Email,
    Heartbeat,
    Options,
    Sink,
    SinkType,
    Slack,
    Telegram,
    Webhook,
)
from wgmon_tui.config.setting import (
    Section,
    Setting,
    Values,
    defaults_of,
    known_keys,
    read_settings,
    read_valid_settings,
)
from wgmon_tui.config.toml_reader import TomlTable, as_table, as_text
from wgmon_tui.config.value_parsers import InvalidValueError, parse_text
from wgmon_tui.config.value_types import (
    BOOLEAN,
    NAME,
    TEXT,
    TEXT_SECRET,
    SecretType,
    ValueType,
    command,
    duration,
    integer,
    one_of,
    some_of,
    text_type,
)
from wgmon_tui.text import quoted

_MAILBOX = re.compile(r"[^@\s<>,]+@[^@\s<>,]+")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _as_chat(value: object) -> str:
    """A chat number or @name, as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _parse_full(as_text(value))


def _as_labels(value: object) -> tuple[tuple[str, str], ...]:
    labels = as_table(value)
    for name in labels:
        if not _LABEL.fullmatch(name):
            raise InvalidValueError(f"expected names of letters, digits and _, got {quoted(name)}")
    return tuple((name, as_text(text)) for name, text in labels.items())


def _parse_full(text: str) -> str:
    if not parse_text(text).strip():
        raise InvalidValueError("expected text that is not empty")
    return text


def _parse_mailbox(text: str) -> str:
    if not _MAILBOX.fullmatch(parse_text(text)):
        raise InvalidValueError(f'expected an address such as "noc@example.net", got {quoted(text)}')
    return text


def _parse_http_url(text: str) -> str:
    if not parse_text(text).startswith(("https://", "http://")):
        raise InvalidValueError('expected a URL that begins with "https://"')
    return text.rstrip("/")


def _port(values: Values) -> int:
    return _PORTS[values["security"]]


_NOT_BLANK = r"\S"
_FULL_TEXT = text_type("text", _parse_full, pattern=_NOT_BLANK)
_MAILBOX_TYPE = text_type("mail address", _parse_mailbox, pattern=rf"^{_MAILBOX.pattern}$")
_CHAT = ValueType(
    "integer or text", _as_chat, {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": _NOT_BLANK}]}
)
_LABELS = ValueType(
    "table of texts",
    _as_labels,
    {
        "type": "object",
        "propertyNames": {"pattern": f"^{_LABEL.pattern}$"},
        "additionalProperties": {"type": "string"},
    },
    write=dict,
)

_URL = Setting("url", TEXT_SECRET, "The address to send to.", required=True)
_CA_FILE = Setting(
    "ca_file",
    _FULL_TEXT,
    "A PEM file with the certificates to trust: your own authority, or the server's own certificate. "
    "A relative path starts at config.toml.",
    default="the certificate authorities that the system trusts",
)
_TOKEN = Setting("token", TEXT_SECRET, "Sent in the header `Authorization: Bearer`.")
_TYPE = Setting(
    "type", one_of(SinkType), "The kind of sink. It decides which other keys there are.", required=True
)
_NAME = Setting(
    "name", NAME, "The name of the sink in rules, on the screen and for `wgmon-tui alert`.", required=True
)
_TIMES = (
    Setting("timeout", duration(1.0, 60.0), "How long one attempt to deliver may take."),
    Setting("give_up_after", duration(60.0, 90 * DAY_S), "How long the delivery of a message is retried."),
)


def _variant(kind: SinkType, about: str, record: type[Options], *settings: Setting) -> tuple[str, Section]:
    return kind.value, Section("sink", about, record, settings, repeated=True)


_VARIANTS = dict(
    (
        _variant(
            SinkType.WEBHOOK,
            "An HTTP POST with JSON to any URL.",
            Webhook,
            replace(_URL, help="The address that gets the JSON. A 2xx response means delivered."),
            Setting(
                "secret", TEXT_SECRET, "The signing secret. Requests are signed as Standard Webhooks defines."
            ),
            _TOKEN,
            _CA_FILE,
        ),
        _variant(
            SinkType.SLACK,
            "An incoming webhook of Slack.",
            Slack,
            replace(_URL, help="The address of the webhook: https://hooks.slack.com/services/…"),
        ),
        _variant(
            SinkType.TELEGRAM,
            "A bot of Telegram.",
            Telegram,
            Setting("token", TEXT_SECRET, "The token of the bot, from @BotFather.", required=True),
            Setting("chat", _CHAT, "The number of the chat, or its @name.", required=True),
            Setting(
                "thread",
                replace(integer(1, 2**53), limits="1 or more"),
                "The topic, in a group with topics.",
            ),
            Setting(
                "api",
                text_type("address", _parse_http_url, pattern="^https?://"),
                "Your own Bot API server.",
            ),
        ),
        _variant(
            SinkType.DISCORD,
            "A webhook of Discord.",
            Discord,
            replace(_URL, help="The address of the webhook: https://discord.com/api/webhooks/…"),
        ),
        _variant(
            SinkType.EMAIL,
            "A mail server.",
            Email,
            Setting("host", _FULL_TEXT, "The name or the address of the mail server.", required=True),
            Setting(
                "port",
                integer(1, 65535),
                "The port of the mail server.",
                follows=_port,
                default="587 with starttls, 465 with tls, 25 with none",
            ),
            Setting(
                "security",
                one_of(_PORTS),
                "How the connection is encrypted. With `none`, a password is sent only to this machine.",
            ),
            Setting("username", TEXT, "The user name for the mail server."),
            Setting("password", TEXT_SECRET, "The password for the mail server."),
            Setting("from", _MAILBOX_TYPE, "The address of the sender.", stored_as="sender", required=True),
            Setting("to", some_of(_MAILBOX_TYPE, "list of mail addresses"), "The recipients.", required=True),
            _CA_FILE,
        ),
        _variant(
            SinkType.ALERTMANAGER,
            "Prometheus Alertmanager, API v2.",
            Alertmanager,
            replace(_URL, help="The address of Alertmanager, such as http://127.0.0.1:9093."),
            Setting("every", duration(10.0, 180.0), "The time between two reports of an open incident."),
            Setting("username", TEXT, "The user name for Alertmanager."),
            Setting("password", TEXT_SECRET, "The password for Alertmanager."),
            _TOKEN,
            _CA_FILE,
            Setting("labels", _LABELS, "Extra labels of every alert, in addition to those of wgmon-tui."),
        ),
        _variant(
            SinkType.HEARTBEAT,
            "Pings to Healthchecks or a similar service. It raises an alarm when they stop.",
            Heartbeat,
            replace(_URL, help="The address to ping. `{server}` in it makes one check for each server."),
            Setting("every", duration(1.0, DAY_S), "The time between two pings."),
            _CA_FILE,
        ),
        _variant(
            SinkType.COMMAND,
            "A program that reads the JSON of the webhook from standard input.",
            Command,
            Setting(
                "command",
                command('["/usr/local/bin/page", "--team", "net"]'),
                "The program and its arguments. No shell is involved.",
                required=True,
            ),
        ),
        _variant(
            SinkType.BELL,
            "The bell of the terminal.",
            Bell,
            Setting("desktop", BOOLEAN, "Whether the terminal also shows a desktop notification."),
        ),
        _variant(
            SinkType.APPRISE,
            "Any service that apprise supports.",
            Apprise,
            replace(_URL, help="The address of the service, as apprise writes it."),
        ),
    )
)

SINK = Section(
    "sink",
    "A destination for messages.",
    Sink,
    (_NAME, _TYPE, *_TIMES),
    repeated=True,
    variants=_VARIANTS,
)


def sink_settings(kind: str) -> tuple[Setting, ...]:
    """All settings of a sink of type `kind`."""
    return (*SINK.settings, *SINK.variants[kind].settings)


_EVERY_KEY = tuple(dict.fromkeys(key for kind in SINK.variants for key in known_keys(sink_settings(kind))))


def read_sink(table: TomlTable, config_dir: Path) -> Sink:
    """Read one `[[sink]]`, of a table that allows any key. Raises ConfigurationError."""
    kinds = read_valid_settings(table, (_TYPE,))
    known = known_keys(sink_settings(kinds["type"])) if kinds else _EVERY_KEY
    table.reject_unknown(known)
    values = read_valid_settings(table, (_NAME, *_TIMES))
    if not kinds:
        table.require_valid()
    variant = SINK.variants[kinds["type"]]
    secrets = _secrets(table, variant.settings)
    options = _options(table, variant, config_dir)
    return Sink(**values, options=options, secrets=secrets)


def _secrets(table: TomlTable, settings: Iterable[Setting]) -> tuple[tuple[str, Any], ...]:
    needed = [each for each in settings if isinstance(each.type, SecretType)]
    found = read_valid_settings(table, needed)
    for setting in needed:
        prefix = setting.key
        if setting.required and prefix not in found and not table.rejected.intersection(setting.keys):
            table.reject(table.error(prefix, f'missing; add {prefix}_file = "…", or {prefix} = "…"'))
    return tuple(found.items())


def _options(table: TomlTable, variant: Section, config_dir: Path) -> Options:
    open_settings = [each for each in variant.settings if not isinstance(each.type, SecretType)]
    values = read_settings(table, open_settings)
    for each in open_settings:
        if each.follows is not None and each.attribute not in values:
            values[each.attribute] = each.follows(defaults_of(variant.record) | values)
    if "ca_file" in values:
        values["ca_file"] = str(config_dir / values["ca_file"])
    options: Options = variant.record(**values)
    if isinstance(options, Email):
        _check_password(table, options)
    return options


def _check_password(table: TomlTable, options: Email) -> None:
    has_password = TEXT_SECRET.find(table, "password") is not None
    if options.security == "none" and has_password and options.host not in _THIS_MACHINE:
        raise table.error("security", 'expected "starttls" or "tls": the password would be sent unencrypted')
