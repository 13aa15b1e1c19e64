"""Pasted examples of docs/alerts.md: each sink is configured as documented and sends a test message.

Its secrets go into the files that it names. Only external addresses are replaced by loopback servers.
"""

from __future__ import annotations

import os
import pty
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.certificates import Certificates
from tests.alerts.http_receiver import Receiver, answer
from tests.alerts.sinks.mail_server import PASSWORD, Postbox, post_office
from tests.alerts.test_documentation import PAGE, SNIPPETS
from wgmon_tui.alerts.resolved_sinks import resolve_sinks
from wgmon_tui.alerts.sinks import bell
from wgmon_tui.cli.alert_run import send_test
from wgmon_tui.config.alerting import SinkType
from wgmon_tui.config.config_sections import parse_config
from wgmon_tui.config.config_toml import read_config

OF_SINKS = [each for each in SNIPPETS[1:] if PAGE.index(each) < PAGE.index("\n## Rules\n")]
"""The first snippet is the minimum; each later one has a heading."""

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""Warnings of apprise itself, from its search for optional libraries."""


def ids(snippet: str) -> str:
    return str(re.findall(r'type = "(.*?)"', snippet)[0])


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def mail_port(postbox: Postbox, certificates: Certificates) -> Iterator[int]:
    with post_office(postbox, certificates.server()) as port:
        yield port


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Return the output to the terminal of this process."""
    reading, writing = pty.openpty()
    monkeypatch.setattr(bell, "TERMINAL", os.ttyname(writing))
    yield reading
    os.close(reading)
    os.close(writing)


def here(snippet: str, receiver: Receiver, mail_port: int, authority: Path, program: Path) -> str:
    """Return the snippet with the test's addresses, also in commented lines."""
    text = snippet.replace("http://127.0.0.1:9093", receiver.url)
    text = text.replace('# api = "https://botapi.example.net"', f'api = "{receiver.url}"')
    text = text.replace("smtp.example.net", "127.0.0.1").replace("# port = 587", f"port = {mail_port}")
    text = text.replace("/usr/local/bin/page", str(program))
    return f'{text}ca_file = "{authority}"\n' if 'type = "email"' in text else text


def secrets(text: str, receiver: Receiver) -> dict[str, str]:
    """Return the content of the files that the snippet names."""
    found = {}
    for name in re.findall(r'^\w+_file = "(.*?)"', text, re.MULTILINE):
        if name.endswith(".url"):
            found[name] = f"{receiver.url}/s3cr3t"
    found |= {"matrix.url": f"json://127.0.0.1:{receiver.port}/", "telegram.token": "123456:AAs3cr3t"}
    each = f"{receiver.url}/s3cr3t/{{server}}?create=1"
    return found | {"smtp.password": PASSWORD, "pager.secret": "s3cr3t", "healthchecks-each.url": each}


def paste(config: Path, text: str, receiver: Receiver) -> None:
    (config / "config.toml").write_text(text)
    for name, secret in secrets(text, receiver).items():
        (config / name).touch(0o600)
        (config / name).write_text(secret + "\n")


def test_the_page_has_a_configuration_of_its_own_for_each_kind_of_sink() -> None:
    shown = [sink.type for snippet in OF_SINKS for sink in parse_config(snippet).alerts.sinks]
    assert set(shown) == set(SinkType)


@pytest.mark.parametrize("snippet", OF_SINKS, ids=ids)
def test_by_what_is_pasted_a_test_arrives(
    snippet: str, tmp_path: Path, mail_port: int, postbox: Postbox, certificates: Certificates, terminal: int
) -> None:
    program = tmp_path / "page"
    program.write_text(f"#!/bin/sh\ncat > {tmp_path / 'paged'}\n")
    program.chmod(stat.S_IRWXU)
    with Receiver(answer(200, '{"ok": true, "result": {}}')) as receiver:
        text = here(snippet, receiver, mail_port, certificates.authority, program)
        paste(tmp_path, text, receiver)
        for sink in read_config(tmp_path).alerts.sinks:
            assert sink.type is not SinkType.TELEGRAM or receiver.url in text
            assert send_test(tmp_path, tmp_path / "state", sink.name) == 0
            _assert_arrived(sink.type, receiver, postbox, tmp_path / "paged", terminal)


def _assert_arrived(kind: SinkType, receiver: Receiver, postbox: Postbox, paged: Path, terminal: int) -> None:
    match kind:
        case SinkType.EMAIL:
            assert postbox.logins == [(b"wgmon", PASSWORD.encode())]
            assert len(postbox.letters) == 1
        case SinkType.COMMAND:
            assert '"kind":"test"' in paged.read_text().replace(": ", ":")
        case SinkType.BELL:
            assert b"\a" in os.read(terminal, 1000)
        case _:
            assert receiver.heard


@pytest.mark.parametrize("snippet", SNIPPETS, ids=ids)
def test_with_its_files_beside_it_nothing_that_is_pasted_lacks_a_secret(snippet: str, tmp_path: Path) -> None:
    with Receiver() as receiver:
        paste(tmp_path, snippet, receiver)
    orders = resolve_sinks(read_config(tmp_path).alerts, tmp_path)
    assert orders.problems == {}
