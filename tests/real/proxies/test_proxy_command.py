"""Hysteria 2, TUIC and AnyTLS: servers of mihomo and sing-box, checked through the other program."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.free_ports import free_port
from tests.protocols.proxies.proxy_command.check_harness import check, page, verdict
from tests.real.amneziawg.mihomo import mihomo_program
from tests.real.proxies.certificates import self_signed
from tests.real.proxies.sing_box import sing_box_program
from tests.real.server import LONG_S, SLOW_S
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.protocols.proxies.links.link_text import encode_base64url
from wgmon_tui.protocols.proxies.links.records import (
    AnyLink,
    AnytlsLink,
    CommandLink,
    Hysteria2Link,
    TlsOptions,
    TuicLink,
    VlessLink,
)
from wgmon_tui.protocols.proxies.proxy_command.settings import CommandSettings
from wgmon_tui.protocols.proxies.proxy_command.targets import CommandTarget

pytestmark = [pytest.mark.real, pytest.mark.thorough, pytest.mark.repeated_if_starved]

USER_ID = UUID(int=7)
TLS = TlsOptions("proxy.example", ("h3",), is_insecure=True)
NOWHERE = Endpoint("127.0.0.1", 1)
HYSTERIA2 = Hysteria2Link(NOWHERE, "SECRET", TLS)
OBFUSCATED = replace(HYSTERIA2, obfuscation="salamander", obfuscation_password="SECRET2")
TUIC = TuicLink(NOWHERE, USER_ID, "SECRET", TLS, "bbr")
ANYTLS = AnytlsLink(NOWHERE, "SECRET", replace(TLS, alpn=()))
COMMANDS = {
    "mihomo": ("-d", "{directory}", "-f", "{config}"),
    "sing-box": ("run", "-c", "{config}"),
}


def of_sing_box(link: CommandLink, directory: Path) -> dict[str, object]:
    """The server's side of a link, for sing-box. With obfuscation it does not even understand itself here."""
    certificate, key = self_signed("proxy.example").write(directory)
    tls = {"enabled": True, "certificate_path": str(certificate), "key_path": str(key)}
    common = {
        "listen": "127.0.0.1",
        "listen_port": link.endpoint.port,
        "tls": {**tls, "alpn": list(link.tls.alpn)},
    }
    match link:
        case Hysteria2Link():
            own: dict[str, object] = {"type": "hysteria2", "users": [{"password": "SECRET"}]}
        case TuicLink():
            own = {"type": "tuic", "users": [{"uuid": str(USER_ID), "password": "SECRET"}]}
        case AnytlsLink():
            own = {"type": "anytls", "users": [{"password": "SECRET"}]}
    return {"log": {"disabled": True}, "inbounds": [{**common, **own}], "outbounds": [{"type": "direct"}]}


def of_mihomo(link: Hysteria2Link, directory: Path) -> dict[str, object]:
    """The server's side of a link with obfuscation, for mihomo."""
    certificate, key = self_signed("proxy.example").write(directory)
    listener = {
        "name": "h",
        "type": "hysteria2",
        "listen": "127.0.0.1",
        "port": link.endpoint.port,
        "users": {"user": "SECRET"},
        "obfs": "salamander",
        "obfs-password": "SECRET2",
        "certificate": certificate.read_text(),
        "private-key": key.read_text(),
        "alpn": ["h3"],
    }
    return {
        "log-level": "error",
        "dns": {"enable": False},
        "rules": ["MATCH,DIRECT"],
        "listeners": [listener],
    }


ENCRYPTION_KEY = X25519PrivateKey.generate()


def encryption_of(key: X25519PrivateKey) -> str:
    """What a link says of VLESS Encryption."""
    return f"mlkem768x25519plus.native.1rtt.{encode_base64url(key.public_key().public_bytes_raw())}"


def of_encryption(port: int) -> dict[str, object]:
    """A server of VLESS Encryption, for mihomo."""
    private = encode_base64url(ENCRYPTION_KEY.private_bytes_raw())
    listener = {
        "name": "v",
        "type": "vless",
        "listen": "127.0.0.1",
        "port": port,
        "users": [{"username": "user", "uuid": str(USER_ID)}],
        "decryption": f"mlkem768x25519plus.native.600s.{private}",
    }
    return {
        "log-level": "error",
        "dns": {"enable": False},
        "rules": ["MATCH,DIRECT"],
        "listeners": [listener],
    }


@asynccontextmanager
async def server(link: CommandLink, directory: Path) -> AsyncIterator[CommandLink]:
    """A server, and the link to it."""
    is_udp = not isinstance(link, AnytlsLink)
    link = replace(link, endpoint=Endpoint("127.0.0.1", free_port(is_udp=is_udp)))
    file = directory / "server.json"
    command: list[Path | str]
    if isinstance(link, Hysteria2Link) and link.obfuscation:
        command = [mihomo_program(), "-d", directory, "-f", file]
        document = await asyncio.to_thread(of_mihomo, link, directory)
    else:
        command = [sing_box_program(), "run", "-c", file]
        document = await asyncio.to_thread(of_sing_box, link, directory)
    await asyncio.to_thread(file.write_text, json.dumps(document))
    process = subprocess.Popen(command)  # noqa: ASYNC220
    try:
        await asyncio.to_thread(wait_for_listener, link.endpoint.port, is_udp=is_udp)
        yield link
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


def wait_for_listener(port: int, *, is_udp: bool) -> None:
    """Wait until somebody has bound the port."""
    table = Path(f"/proc/net/{'udp' if is_udp else 'tcp'}")
    deadline = time.monotonic() + 30
    while f":{port:04X} 00000000:0000" not in table.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def target(program: str, link: AnyLink, url: Url) -> CommandTarget:
    path = mihomo_program() if program == "mihomo" else sing_box_program()
    settings = CommandSettings(
        fetch=url, fetch_second=HttpTarget(url, 204), command=(str(path), *COMMANDS[program])
    )
    entry = Server(
        "h", link.endpoint, protocol="proxy-command", timeout=LONG_S, slow=SLOW_S, protocol_settings=settings
    )
    return CommandTarget(entry, link)


@pytest.mark.parametrize(
    ("program", "link"),
    [
        ("mihomo", OBFUSCATED),
        *((program, link) for program in COMMANDS for link in (HYSTERIA2, TUIC, ANYTLS)),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_the_right_link_is_healthy_and_a_wrong_password_is_down(
    program: str, link: CommandLink, tmp_path: Path
) -> None:
    async with server(link, tmp_path) as link_to, page() as url:
        right = target(program, link_to, url)
        assert verdict(await check(right), right)[0] is Verdict.HEALTHY
        wrong = target(program, replace(link_to, password="other"), url)
        assert verdict(await check(wrong), wrong)[0] is Verdict.PROXY_DOWN


async def test_vless_encryption_is_checked_through_mihomo(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "server.json"
    await asyncio.to_thread(file.write_text, json.dumps(of_encryption(port)))
    process = subprocess.Popen([mihomo_program(), "-d", tmp_path, "-f", file])  # noqa: ASYNC220
    try:
        await asyncio.to_thread(wait_for_listener, port, is_udp=False)
        link = VlessLink(Endpoint("127.0.0.1", port), USER_ID, encryption=encryption_of(ENCRYPTION_KEY))
        async with page() as url:
            right = target("mihomo", link, url)
            assert verdict(await check(right), right)[0] is Verdict.HEALTHY
            other = replace(link, encryption=encryption_of(X25519PrivateKey.generate()))
            wrong = target("mihomo", other, url)
            assert verdict(await check(wrong), wrong)[0] is Verdict.PROXY_DOWN
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
