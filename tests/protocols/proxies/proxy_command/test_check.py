"""Checks through a program: started for a check, killed whole, its secrets nowhere."""

from __future__ import annotations

import asyncio
import socket
import sys
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.protocols.proxies.proxy_command.check_harness import LINK, PROGRAM, check, page, target, verdict
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.child_processes import hide_variables
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.http_target import Url
from wgmon_tui.protocols.proxies.links.records import ShadowsocksLink, TlsOptions, VmessLink
from wgmon_tui.protocols.proxies.proxy_command import program
from wgmon_tui.protocols.proxies.proxy_command.check import at_address

pytestmark = pytest.mark.repeated_if_starved


def has_files(directory: Path) -> bool:
    return any(directory.iterdir())


def is_running(pid: int) -> bool:
    """Whether a process runs. One that was killed, and that nobody has awaited, does not."""
    try:
        return b") Z" not in Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return False


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the configurations."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


async def test_a_page_through_the_program_is_healthy_and_nothing_is_left(runtime: Path) -> None:
    async with page() as url:
        wanted = target(url)
        found = await check(wanted)
    assert found.handshake is not None
    assert verdict(found, wanted)[0] is Verdict.HEALTHY
    assert (found.endpoint, found.address) == (LINK.endpoint, ip_address("127.0.0.1"))
    assert [each.name for each in found.stages] == ["resolve", "handshake", "fetch"]
    assert "SECRET" not in repr(found)
    assert not has_files(runtime)


async def test_neither_arguments_nor_environment_of_the_program_have_the_secret(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINK_OF_A_TEST", "hysteria2://SECRET@127.0.0.1:443")
    hide_variables(["LINK_OF_A_TEST"])
    note = runtime.parent / "seen"
    async with page() as url:
        await check(target(url, sys.executable, PROGRAM, "{config}", str(note)))
    seen = await asyncio.to_thread(note.read_text)
    assert "config.json" in seen
    assert "SECRET" not in seen


async def test_nothing_through_the_program_is_down_and_names_what_is_left_open() -> None:
    async with page() as url:
        wanted = target(url, password="WRONG")
        found = await check(wanted)
        diagnosis = find_protocol("proxy-command").diagnose(found, wanted.server)
    assert found.handshake is None
    assert diagnosis.verdict is Verdict.PROXY_DOWN
    assert len(diagnosis.causes) == 2


async def test_a_program_that_is_not_ready_yet_is_asked_again() -> None:
    async with page() as url:
        wanted = target(url, password="LATE")
        assert verdict(await check(wanted), wanted)[0] is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (
            ("/no/such/mihomo", "{config}"),
            'there is no program "/no/such/mihomo"; install it, or give its path',
        ),
        (
            (sys.executable, "-c", "raise SystemExit(3)", "{config}"),
            "ended with exit code 3; run it by hand to see why",
        ),
    ],
)
async def test_a_program_that_does_not_run_is_a_fault_of_the_file(
    command: tuple[str, ...], reason: str
) -> None:
    wanted = target(Url("127.0.0.1", 1), *command)
    found = await check(wanted)
    word, summary = verdict(found, wanted)
    assert word is Verdict.MISCONFIGURED
    assert reason in summary
    assert "SECRET" not in summary


async def test_a_program_that_never_listens_is_killed_with_its_children(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "START_LIMIT_S", 1.0)
    note = runtime.parent / "child"
    child = (
        f"import subprocess,sys; p = subprocess.Popen([sys.executable, {PROGRAM!r}, 'silent']); "
        f"open({str(note)!r}, 'w').write(str(p.pid)); p.wait()"
    )
    wanted = target(Url("127.0.0.1", 1), sys.executable, "-c", child, "{config}")
    found = await check(wanted)
    assert "does not listen" in verdict(found, wanted)[1]
    assert not is_running(int(await asyncio.to_thread(note.read_text)))


async def test_a_program_with_its_own_configuration_is_asked_on_its_port(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = tmp_path / "own.py"
    own.write_text(
        "import asyncio\n"
        "async def answer(r, w):\n"
        "    await r.readexactly(3); w.write(b'\\x05\\x00'); await r.readexactly(10)\n"
        "    w.write(b'\\x05\\x00\\x00\\x01' + bytes(6)); await r.readuntil(b'\\r\\n\\r\\n')\n"
        "    w.write(b'HTTP/1.1 204 No Content\\r\\n\\r\\n'); w.close()\n"
        "async def main():\n"
        f"    await (await asyncio.start_server(answer, '127.0.0.1', {port})).serve_forever()\n"
        "asyncio.run(main())\n"
    )
    wanted = target(Url("127.0.0.1", 80), sys.executable, str(own), port=port)
    assert verdict(await check(wanted), wanted)[0] is Verdict.HEALTHY


def test_a_link_to_an_address_keeps_the_name_of_its_host_in_tls() -> None:
    address = ip_address("192.0.2.7")
    named = replace(LINK, endpoint=Endpoint("h.example", 443))
    assert at_address(named, address) == replace(
        LINK, endpoint=Endpoint("192.0.2.7", 443), tls=TlsOptions("h.example")
    )
    other = replace(named, tls=TlsOptions("s.example"))
    assert at_address(other, address) == replace(other, endpoint=Endpoint("192.0.2.7", 443))
    plain = ShadowsocksLink(Endpoint("h.example", 1), "none", "x")
    assert at_address(plain, address) == replace(plain, endpoint=Endpoint("192.0.2.7", 1))
    assert not isinstance(at_address(plain, address), VmessLink)


def test_a_port_that_is_in_use_over_udp_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = socket.socket.bind
    taken: list[int] = []
    with socket.socket(type=socket.SOCK_DGRAM) as other:

        def bind(self: socket.socket, address: tuple[str, int]) -> None:
            """Let another program take the first port that is found free over TCP."""
            if self.type == socket.SOCK_DGRAM and not taken:
                plain(other, address)
                taken.append(address[1])
            plain(self, address)

        monkeypatch.setattr(socket.socket, "bind", bind)
        assert program._free_port() not in taken
    assert taken
