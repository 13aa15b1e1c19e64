"""Server form: the fields of other protocols than WireGuard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.config.sample_fleets import OTHER_SERVER_KEY
from tests.parameters import default_run
from tests.toy_protocol import Echo
from tests.tui.editing_harness import SMALL, Editing, editing, written
from tests.tui.key_presses import settle
from wgmon_tui.checks.registry import register, unregister
from wgmon_tui.config.models import AMNEZIAWG, SecretForm, SecretSource
from wgmon_tui.config.protocol_settings import ProtocolSettings
from wgmon_tui.config.servers_file import update
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.config.setting import FormField, Section, Setting
from wgmon_tui.config.value_types import BOOLEAN, PEM_SECRET, TEXT_SECRET, command, integer
from wgmon_tui.tui.editing.fields import server_fields


@dataclass(frozen=True, slots=True)
class GuardedSettings:
    password: SecretSource | None = None
    key: SecretSource | None = None
    depth: int = 3
    strict: bool = False
    helper: tuple[str, ...] = ()


class GuardedEcho(Echo):
    """An echo with a setting of each kind."""

    name = "guarded"
    settings = ProtocolSettings(
        Section(
            "guarded",
            "An echo that asks for a password.",
            GuardedSettings,
            (
                Setting("password", TEXT_SECRET, "The password.", FormField(10)),
                Setting("key", PEM_SECRET, "The key.", FormField(20)),
                Setting("depth", integer(1, 9), "How deep.", FormField(30)),
                Setting("strict", BOOLEAN, "Whether it is strict."),
                Setting("helper", command('["x"]'), "A program."),
            ),
        )
    )


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    for protocol in (Echo(), GuardedEcho()):
        register(protocol)
    yield
    for name in ("echo", "guarded"):
        unregister(name)


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    return written(tmp_path / "config", SMALL)


async def choose(it: Editing, row: str, value: str) -> None:
    it.form.row(row).text = value
    await settle(it.pilot)
    await it.until(lambda: it.form.row(row).text == value)
    await it.until(lambda: not any(each.group == "fields" for each in it.app.workers))
    await settle(it.pilot)


async def open_new(it: Editing, protocol: str) -> None:
    await it.open_form("n")
    await it.form.show_more(True)
    await choose(it, "protocol", protocol)
    await it.until(lambda: "public_key" not in it.form._rows)
    await settle(it.pilot)


async def test_a_new_server_of_another_protocol_has_its_own_fields(
    config_dir: Path,
) -> None:
    async with editing(config_dir) as it:
        await it.open_form("n")
        await it.write("name", "moon")
        await choose(it, "protocol", "echo")
        await it.until(lambda: "echo.word" in it.form._rows)
        assert it.form.row("name").text == "moon"
        assert not {"public_key", "identity", "preshared_key", "tunnel_ping"} & set(it.form._rows)
        await it.write("endpoint", "192.0.2.7:7")
        await it.write("echo.word", "crater")
        await it.save()
        saved = it.fleet.servers[-1]
        assert (saved.name, saved.protocol, saved.protocol_settings.word) == ("moon", "echo", "crater")


@pytest.mark.parametrize(
    ("protocol", "port"), [("wireguard", 51820), ("openvpn", 1194), ("ikev2", 500), ("trojan", 443)]
)
def test_the_example_of_an_endpoint_has_the_usual_port_of_the_protocol(protocol: str, port: int) -> None:
    endpoint = next(each for each in server_fields(protocol) if each.key == "endpoint")
    assert endpoint.example.endswith(f":{port}")


def test_the_protocol_is_shown_at_once_last_for_wireguard_and_second_for_others() -> None:
    shown = [each.key for each in server_fields("wireguard") if not each.more]
    assert (shown[:3], shown[-1]) == (["name", "endpoint", "public_key"], "protocol")
    assert [each.key for each in server_fields("openvpn")][:3] == ["name", "protocol", "endpoint"]


@pytest.mark.thorough
async def test_a_problem_stands_at_the_field_of_the_table(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await open_new(it, "guarded")
        await it.write("name", "deep")
        await it.write("endpoint", "192.0.2.7:7")
        await it.write("guarded.depth", "12")
        await it.press("ctrl+s")
        await settle(it.pilot)
        assert it.form.row("guarded.depth")._problem == "expected an integer from 1 to 9, got 12"
        assert it.form.row("guarded.depth").has_focus_within


_SECRETS = {
    "set": ("open sesame", SecretSource(SecretForm.FILE, "deep.password")),
    "_file": ("there.txt", SecretSource(SecretForm.FILE, "there.txt")),
    "_command": ("pass show 'my vpn'", SecretSource(SecretForm.COMMAND, ("pass", "show", "my vpn"))),
    "_env": ("VPN_PASSWORD", SecretSource(SecretForm.ENV, "VPN_PASSWORD")),
    "_credential": ("vpn", SecretSource(SecretForm.CREDENTIAL, "vpn")),
}
"""What is chosen, what is typed then, and what that means."""


@pytest.mark.parametrize("choice", default_run(("set",), _SECRETS))
async def test_a_secret_comes_from_wherever_it_is(config_dir: Path, choice: str) -> None:
    typed, source = _SECRETS[choice]
    async with editing(config_dir) as it:
        await open_new(it, "guarded")
        await it.write("name", "deep")
        await it.write("endpoint", "192.0.2.7:7")
        await choose(it, "guarded.password", choice)
        it.form.row("guarded.password").set_secret(typed)
        await settle(it.pilot)
        assert (typed in it.text()) is (choice != "set")
        await it.save()
        assert it.fleet.servers[-1].protocol_settings.password == source
    if choice == "set":
        assert (config_dir / "deep.password").read_text() == f"{typed}\n"
        assert (config_dir / "deep.password").stat().st_mode & 0o777 == 0o600


@pytest.mark.thorough
async def test_a_document_of_several_lines_cannot_be_typed(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await open_new(it, "guarded")
        assert "set" not in dict(it.form.row("guarded.key").choice.options)
        await choose(it, "guarded.key", "_file")
        await it.press("ctrl+s")
        await settle(it.pilot)
        assert it.form.row("guarded.key")._problem == "type the path of the file"


@pytest.mark.thorough
async def test_enter_on_a_choice_of_a_server_without_an_identity_goes_on(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await open_new(it, "guarded")
        it.form.row("guarded.password").start()
        await settle(it.pilot)
        await it.press("enter")
        await settle(it.pilot)
        assert not it.form.row("guarded.password").has_focus_within


async def test_what_is_kept_behind_more_stays_in_the_file(config_dir: Path) -> None:
    (deep,) = parse(
        '[[server]]\nname = "deep"\nendpoint = "192.0.2.7:7"\nprotocol = "guarded"\n'
        '[server.guarded]\npassword_env = "VPN"\nstrict = true\nhelper = ["run", "it"]\n'
    ).servers
    update(config_dir, lambda fleet: type(fleet)((deep,), fleet.identities))
    async with editing(config_dir) as it:
        await it.open_form("e")
        assert it.form.row("protocol").text == "guarded"
        assert it.form.row("guarded.password").text == "keep"
        await it.write("guarded.depth", "5")
        await it.save()
        saved = it.fleet.servers[0].protocol_settings
    assert saved == GuardedSettings(deep.protocol_settings.password, None, 5, True, ("run", "it"))


async def test_a_parameter_of_amneziawg_is_edited_and_checked(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("n")
        await it.write("name", "awg1")
        await it.write("endpoint", "awg1.example.net:51820")
        await it.write("public_key", str(OTHER_SERVER_KEY))
        await it.form.show_more(True)
        await choose(it, "protocol", AMNEZIAWG)
        await it.until(lambda: "amneziawg.s1" in it.form._rows)
        await it.write("amneziawg.h1", "2")
        await it.press("ctrl+s")
        await it.until(lambda: "the same numbers as h1" in str(it.form.row("amneziawg.h2")._problem))
        await it.write("amneziawg.h1", "1000-2000")
        await it.write("amneziawg.s1", "52")
        await it.save()
        saved = it.fleet.servers[-1]
    assert (saved.public_key, saved.protocol_settings.s1) == (OTHER_SERVER_KEY, 52)
    assert str(saved.protocol_settings.h1) == "1000-2000"
