from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from ipaddress import ip_address

import pytest

from wgmon_tui.net import resolver as resolver_module
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.resolver import Lookup, ResolutionError, Resolver

PATIENCE_S = 60.0


@pytest.mark.parametrize("literal", ["192.0.2.7", "2001:db8::7", "fe80::1%lo"])
async def test_a_literal_address_needs_no_resolver(literal: str) -> None:
    # With no time at all, only what needs no lookup can succeed.
    assert await Resolver().resolve(Endpoint(literal, 51820), timeout_s=0) == (ip_address(literal),)


async def test_localhost_resolves_to_loopback_each_address_once() -> None:
    addresses = await Resolver().resolve(Endpoint("localhost", 51820), PATIENCE_S)
    assert addresses
    assert all(address.is_loopback for address in addresses)
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize(
    "host",
    [
        "nonexistent.invalid",
        "a" * 64 + ".example.net",
        ".".join(["label"] * 60),
        "two..dots",
        ".",
        "",
        "with space",
        "new\nline.invalid",
        "null\0byte.invalid",
        "ünïcödé-" + "x" * 60,
        "\ud800.invalid",
        "[::1]",
        "300.300.300.300",
    ],
)
async def test_a_name_that_cannot_be_raises_one_line(host: str) -> None:
    with pytest.raises(ResolutionError) as raised:
        await Resolver().resolve(Endpoint(host, 51820), PATIENCE_S)
    message = str(raised.value)
    assert message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("answer", "usable"),
    [(["0.0.0.0", "::"], []), (["224.0.0.1"], []), (["0.0.0.0", "192.0.2.7"], ["192.0.2.7"])],
)
async def test_addresses_that_no_server_can_have_are_left_out(
    monkeypatch: pytest.MonkeyPatch, answer: list[str], usable: list[str]
) -> None:
    entries = [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (each, 51820)) for each in answer]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: entries)
    found = Resolver().resolve(Endpoint("hidden.example", 51820), PATIENCE_S)
    if usable:
        assert [str(each) for each in await found] == usable
        return
    with pytest.raises(ResolutionError, match="which no server can have"):
        await found


async def test_a_resolver_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(ResolutionError, match="did not answer within 0 ms"):
        await Resolver().resolve(Endpoint("localhost", 51820), timeout_s=0)


async def test_an_answer_is_kept() -> None:
    resolver = Resolver()
    endpoint = Endpoint("localhost", 51820)
    addresses = await resolver.resolve(endpoint, PATIENCE_S)
    assert await resolver.resolve(endpoint, timeout_s=0) == addresses


async def test_a_failure_is_not_kept() -> None:
    resolver = Resolver()
    endpoint = Endpoint("localhost", 51820)
    with pytest.raises(ResolutionError):
        await resolver.resolve(endpoint, timeout_s=0)
    assert await resolver.resolve(endpoint, PATIENCE_S)


async def test_an_older_answer_is_not_used_when_a_newer_one_is_wanted() -> None:
    resolver = Resolver()
    resolver._cache["localhost"] = Lookup((ip_address("192.0.2.9"),), time.monotonic())
    fresh = await resolver.resolve(Endpoint("localhost", 51820), PATIENCE_S, newer_than=time.monotonic())
    assert fresh
    assert all(address.is_loopback for address in fresh)


async def test_names_whose_lookup_hangs_do_not_hold_up_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def look_up(host: str, *_: object) -> list[tuple[object, ...]]:
        if host.startswith("hangs"):
            over.wait(PATIENCE_S)
        return [(0, 0, 0, "", ("192.0.2.7", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(resolver_module, "_OVERDUE_S", 0.02)
    resolver = Resolver()
    hanging = [
        asyncio.create_task(resolver.resolve(Endpoint(f"hangs{number}.test", 1), PATIENCE_S))
        for number in range(3 * resolver_module._THREADS)
    ]
    await asyncio.sleep(0)
    assert await resolver.resolve(Endpoint("quick.test", 1), 5.0) == (ip_address("192.0.2.7"),)
    assert not any(task.done() for task in hanging)
    over.set()
    await asyncio.gather(*hanging)


async def test_the_name_that_is_looked_up_is_the_one_of_idna_2008(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look_up(host: str, *_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(0, 0, 0, "", ("192.0.2.7", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    await Resolver().resolve(Endpoint("faß.example", 51820), PATIENCE_S)
    assert asked == ["xn--fa-hia.example"]


OUT_OF_FILES = """
import asyncio, resource
from wgmon_tui.config.models import Endpoint
from wgmon_tui.net.resolver import Lookup, ResolutionError, Resolver

async def look_up():
    "anything.invalid".encode("idna")  # the codec is a file too
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        await Resolver().resolve(Endpoint("nonexistent.invalid", 51820), 10)
    except ResolutionError as error:
        print("ResolutionError:", error)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

asyncio.run(look_up())
"""


def test_a_process_out_of_file_descriptors_fails_to_resolve_and_does_not_crash() -> None:
    child = subprocess.run([sys.executable, "-c", OUT_OF_FILES], capture_output=True, text=True, timeout=30)
    assert child.stdout.startswith("ResolutionError: ")
    assert child.stderr == ""
