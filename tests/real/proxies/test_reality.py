"""VLESS with REALITY and Vision: a server of mihomo, checked through mihomo as the program of a user."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.free_ports import free_port
from tests.protocols.proxies.proxy_command.check_harness import check, page, verdict
from tests.real.amneziawg.mihomo import mihomo_program
from tests.real.proxies.certificates import self_signed
from tests.real.proxies.mihomo_start import await_forwarding, http_listener
from tests.real.proxies.test_proxy_command import target, wait_for_listener
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.http_target import Url
from wgmon_tui.protocols.proxies.links.link_text import encode_base64url
from wgmon_tui.protocols.proxies.links.records import RealityOptions, TlsOptions, VlessLink

pytestmark = [pytest.mark.real, pytest.mark.thorough, pytest.mark.repeated_if_starved]

NAME, USER_ID, SHORT_ID = "site.example", UUID(int=11), bytes.fromhex("0a1b2c3d")


@asynccontextmanager
async def site(directory: Path) -> AsyncIterator[int]:
    """The web site whose TLS the server borrows. REALITY needs TLS 1.3 there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(*await asyncio.to_thread(self_signed(NAME).write, directory))
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def reality(directory: Path, url: Url) -> AsyncIterator[VlessLink]:
    """A server through which the page already comes, and the link to it."""
    http_port = free_port()
    key, port = X25519PrivateKey.generate(), free_port()
    private = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    async with site(directory) as site_port:
        listener = {
            "name": "r",
            "type": "vless",
            "listen": "127.0.0.1",
            "port": port,
            "users": [{"username": "u", "uuid": str(USER_ID), "flow": "xtls-rprx-vision"}],
            "reality-config": {
                "dest": f"127.0.0.1:{site_port}",
                "private-key": encode_base64url(private),
                "short-id": [SHORT_ID.hex()],
                "server-names": [NAME],
            },
        }
        listeners = [listener, http_listener(http_port)]
        document = {"log-level": "error", "dns": {"enable": False}, "rules": ["MATCH,DIRECT"]}
        file = directory / "server.json"
        await asyncio.to_thread(file.write_text, json.dumps({**document, "listeners": listeners}))
        process = subprocess.Popen([mihomo_program(), "-d", directory, "-f", file])  # noqa: ASYNC220
        try:
            await asyncio.to_thread(wait_for_listener, port, is_udp=False)
            await asyncio.to_thread(await_forwarding, http_port, str(url))
            tls = TlsOptions(NAME, fingerprint="chrome", reality=RealityOptions(public, SHORT_ID))
            yield VlessLink(Endpoint("127.0.0.1", port), USER_ID, "xtls-rprx-vision", tls=tls)
        finally:
            process.kill()
            await asyncio.to_thread(process.wait)


async def test_the_right_link_is_healthy_and_a_wrong_key_or_id_is_down(tmp_path: Path) -> None:
    async with page() as url, reality(tmp_path, url) as link:
        right = target("mihomo", link, url)
        assert verdict(await check(right), right)[0] is Verdict.HEALTHY
        assert link.tls is not None
        assert link.tls.reality is not None
        other_key = replace(link.tls.reality, public_key=bytes([9]) + bytes(31))
        for wrong in (
            replace(link, user_id=UUID(int=12)),
            replace(link, tls=replace(link.tls, reality=other_key)),
            replace(link, tls=replace(link.tls, reality=replace(link.tls.reality, short_id=b"\x01"))),
        ):
            asked = target("mihomo", wrong, url)
            assert verdict(await check(asked), asked)[0] is Verdict.PROXY_DOWN
