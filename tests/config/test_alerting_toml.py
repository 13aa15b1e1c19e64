"""[[sink]], [[rule]] and [[maintenance]] of config.toml: valid tables, and the error line for others."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from tests.config.error_line import without_line
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.alerting import VERDICTS, Alertmanager, Email, Sink, SinkType, Telegram
from wgmon_tui.config.config_sections import parse_config
from wgmon_tui.config.models import ConfigurationError, SecretForm, SecretSource
from wgmon_tui.monitor.incidents import BROKEN

WEBHOOK = '[[sink]]\nname = "pager"\ntype = "webhook"\nurl = "https://example.net/hook"\n'


def refused(text: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        parse_config(text)
    return without_line(error.value)


def test_a_sink_says_where_its_secret_is_and_does_not_show_it() -> None:
    (sink,) = parse_config(WEBHOOK).alerts.sinks
    assert (sink.name, sink.type) == ("pager", SinkType.WEBHOOK)
    assert sink.secrets == (("url", SecretSource(SecretForm.INLINE, "https://example.net/hook")),)
    assert "example.net" not in repr(sink)


@pytest.mark.parametrize("form", ['url_file = "a.url"', 'url_env = "URL"', 'url_command = ["pass", "x"]'])
def test_a_secret_may_stand_in_any_form_of_a_private_key(form: str) -> None:
    ((key, _),) = parse_config(f'[[sink]]\nname = "a"\ntype = "slack"\n{form}').alerts.sinks[0].secrets
    assert key == "url"


def test_each_type_has_its_own_keys() -> None:
    text = """
        [[sink]]
        name = "chat"
        type = "telegram"
        chat = -100123
        token_env = "TOKEN"
        [[sink]]
        name = "post"
        type = "email"
        host = "mail.example.net"
        security = "tls"
        from = "wgmon@example.net"
        to = ["noc@example.net"]
        ca_file = "ca.pem"
        [[sink]]
        name = "am"
        type = "alertmanager"
        url = "http://127.0.0.1:9093"
        every = "30s"
        labels = { team = "net" }
    """
    chat, post, am = parse_config(text, Path("/etc/wgmon")).alerts.sinks
    assert chat.options == Telegram("-100123")
    assert post.options == Email(
        "mail.example.net", "wgmon@example.net", ("noc@example.net",), 465, "tls", ca_file="/etc/wgmon/ca.pem"
    )
    assert am.options == Alertmanager(30.0, labels=(("team", "net"),))


def test_a_rule_and_a_maintenance_are_read() -> None:
    text = (
        WEBHOOK
        + """
        [[rule]]
        sinks = ["pager"]
        tags = ["edge"]
        severities = ["down"]
        quiet = ["22:00-07:00"]
        remind_every = "4h"
        escalate_after = "15m"
        escalate_to = ["pager"]
        [[maintenance]]
        name = "patch night"
        weekly = ["tue 02:00-04:00"]
        [[maintenance]]
        name = "move"
        from = 2026-12-01T02:00:00Z
        until = 2026-12-01T04:00:00Z
        servers = ["fra*"]
    """
    )
    alerts = parse_config(text).alerts
    (rule,) = alerts.rules
    assert (rule.sinks, rule.tags, rule.remind_every) == (("pager",), ("edge",), 14_400.0)
    weekly, once = alerts.maintenance
    tuesday = datetime(2026, 12, 1, 3, 0).timestamp()  # noqa: DTZ001  local time
    assert weekly.covers("ams1", (), tuesday)
    assert not weekly.covers("ams1", (), tuesday + 7200)
    at = 1_796_094_000.0
    assert once.covers("fra1", (), at)
    assert not once.covers("ams1", (), at)
    assert not once.covers("fra1", (), at + 7200)


def test_without_a_rule_everything_that_is_down_goes_everywhere() -> None:
    (rule,) = parse_config(WEBHOOK).alerts.effective_rules
    assert (rule.sinks, rule.severities) == (("pager",), ("down",))


def test_quiet_hours_go_on_past_midnight() -> None:
    text = WEBHOOK + '[[rule]]\nsinks = ["pager"]\nquiet = ["fri 22:00-07:00"]'
    (span,) = parse_config(text).alerts.rules[0].quiet
    friday = datetime(2026, 11, 27, 23, 0)  # noqa: DTZ001  local time
    assert span.covers(friday)
    assert span.covers(friday.replace(day=28, hour=6))
    assert not span.covers(friday.replace(hour=6))


def test_the_verdicts_are_those_that_an_incident_can_have() -> None:
    assert set(VERDICTS) == {verdict.slug for verdict in Verdict if verdict.severity in BROKEN}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[[sink]]\nname = "a"', 'config.toml: sink "a": key type: missing; add type = "…"'),
        (
            '[[sink]]\nname = "a"\ntype = "pigeon"',
            (
                'config.toml: sink "a": key type: expected one of webhook, slack, telegram, discord, email, '
                'alertmanager, heartbeat, command, bell, apprise, got "pigeon"'
            ),
        ),
        (
            '[[sink]]\nname = "a"\ntype = "webhook"',
            'config.toml: sink "a": key url: missing; add url_file = "…", or url = "…"',
        ),
        (
            WEBHOOK + 'ur_file = "x"',
            'config.toml: sink "pager": unknown setting "ur_file"; did you mean "url_file"?',
        ),
        (WEBHOOK * 2, 'config.toml: sink "pager": key name: this name is used twice; give each its own name'),
        (
            WEBHOOK + '[[rule]]\nsinks = ["nobody"]',
            'config.toml: rule 1: key sinks: there is no sink "nobody"; expected one of pager',
        ),
        (
            WEBHOOK + '[[rule]]\nsinks = ["pager"]\nverdicts = ["sleepy"]',
            f'config.toml: rule 1: key verdicts: expected one of {", ".join(VERDICTS)}, got "sleepy"',
        ),
        (
            WEBHOOK + '[[rule]]\nsinks = ["pager"]\nescalate_after = "15m"',
            (
                'config.toml: rule 1: key escalate_to: missing; add escalate_to = ["boss"]; '
                "escalate_after and escalate_to need each other"
            ),
        ),
        (
            WEBHOOK + '[[rule]]\nsinks = ["pager"]\nquiet = ["25:00-07:00"]',
            (
                'config.toml: rule 1: key quiet: expected local times such as "22:00-07:00" or '
                '"tue 02:00-04:00", got "25:00-07:00"'
            ),
        ),
        (
            '[[maintenance]]\nname = "x"',
            (
                'config.toml: maintenance "x": key weekly: expected either weekly = ["tue 02:00-04:00"], or '
                "from and until"
            ),
        ),
        (
            (
                '[[sink]]\nname = "a"\ntype = "email"\nhost = "m.net"\nfrom = "a@b.c"\nto = ["a@b.c"]\n'
                'security = "none"\npassword = "p"'
            ),
            (
                'config.toml: sink "a": key security: expected "starttls" or "tls": the password would '
                "be sent unencrypted"
            ),
        ),
    ],
)
def test_what_cannot_stand_is_told_in_one_line(text: str, line: str) -> None:
    assert refused(text) == line


def test_a_sink_that_nobody_configured_is_none() -> None:
    assert parse_config("").alerts.sinks == ()
    assert parse_config(WEBHOOK).alerts.sink("chat") is None
    assert isinstance(parse_config(WEBHOOK).alerts.sink("pager"), Sink)
