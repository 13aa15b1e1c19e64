"""docs/alerts.md: every pasted configuration works, and its JSON equals the sent JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.sample_announcements import announcement
from wgmon_tui.alerts.models import AnnouncementKind
from wgmon_tui.alerts.rendering import as_json
from wgmon_tui.alerts.sinks import sender
from wgmon_tui.config.alerting import SinkType
from wgmon_tui.config.config_sections import parse_config

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
SNIPPETS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def with_all_keys(snippet: str) -> str:
    """Return the snippet's keys, including those in comments."""
    return re.sub(r"^# ([a-z_]+ = )", r"\1", snippet, flags=re.MULTILINE)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda each: re.findall(r'name = "(.*?)"', each)[0])
def test_a_configuration_works_when_it_is_pasted(snippet: str) -> None:
    alerts = parse_config(snippet).alerts
    assert alerts.sinks
    assert parse_config(with_all_keys(snippet)).alerts.sinks


def test_every_kind_of_sink_is_there() -> None:
    shown = {sink.type for snippet in SNIPPETS for sink in parse_config(snippet).alerts.sinks}
    assert shown == set(SinkType)


@pytest.mark.parametrize("kind", SinkType)
def test_every_kind_of_sink_can_be_sent_to(kind: SinkType) -> None:
    assert callable(sender(kind))


def test_the_json_has_the_keys_that_are_sent() -> None:
    [shown] = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    documented: dict[str, Any] = json.loads(shown)
    sent: dict[str, Any] = json.loads(json.dumps(as_json(announcement())))
    assert list(documented) == list(sent)
    assert list(documented["incidents"][0]) == list(sent["incidents"][0])
    assert list(documented["incidents"][0]["causes"][0]) == list(sent["incidents"][0]["causes"][0])


def test_every_kind_that_is_sent_is_named() -> None:
    told = PAGE.replace("\n", " ")
    for kind in set(AnnouncementKind) - {AnnouncementKind.BEAT, AnnouncementKind.FIRING}:
        assert f"`{kind.value}`" in told
