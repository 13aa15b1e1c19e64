"""Proxy servers that others wrote, on loopback in a namespace: every protocol on several of them.

ss-server, v2ray and trojan come from Debian, mihomo and sing-box from PyPI.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.real.amneziawg.mihomo import mihomo_program
from tests.real.namespaces import entered, namespace
from tests.real.prerequisites import require
from tests.real.proxies.certificates import EXPIRED, NAME, SelfSigned, self_signed
from tests.real.proxies.certificates import IMITATED as IMITATED_NAME
from tests.real.proxies.mihomo_start import await_forwarding, http_listener
from tests.real.proxies.pages import LOOPBACK, Fallback, OtherClock, pages
from tests.real.proxies.sing_box import sing_box_program
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.records import (
    GrpcOptions,
    ProxyLink,
    RealityOptions,
    ShadowsocksLink,
    TlsOptions,
    TrojanLink,
    VlessLink,
    VmessLink,
    WebSocketOptions,
)

FIRST_PAGE, SECOND_PAGE, FALLBACK, OTHER_CLOCK, IMITATED, CLOSED, RELAY, SECURE_PAGE = range(8001, 8009)
USER = UUID("b831381d-6324-4d53-ad4f-8cda48b30811")
PASSWORD = "correct horse"
PATH = "/private-path"
TLS = TlsOptions(NAME)
REALITY_KEY = X25519PrivateKey.generate()
SHORT_ID = bytes.fromhex("0123456789abcdef")
REALITY = RealityOptions(REALITY_KEY.public_key().public_bytes_raw(), SHORT_ID)
FLOW = "xtls-rprx-vision"
WEB = WebSocketOptions(PATH, NAME)
GRPC = GrpcOptions("private-service")
_HTTP = 8999
_READY_WITHIN_S = 20.0
KEY_16, KEY_32 = (base64.b64encode(bytes(range(length))).decode() for length in (16, 32))
METHODS = {
    "aes-128-gcm": PASSWORD,
    "aes-256-gcm": PASSWORD,
    "chacha20-ietf-poly1305": PASSWORD,
    "2022-blake3-aes-128-gcm": KEY_16,
    "2022-blake3-aes-256-gcm": KEY_32,
    "2022-blake3-chacha20-poly1305": KEY_32,
}
CLASSIC = [name for name in METHODS if not name.startswith("2022")]


@dataclass
class ProxyServers:
    """The servers by name, each with the link that is right for it."""

    name: str
    """The namespace."""

    home: Path
    links: dict[str, ProxyLink] = field(default_factory=dict)
    _ports: Iterator[int] = field(default_factory=lambda: count(9000))
    _stack: ExitStack = field(default_factory=ExitStack)

    def start(self, *programs: str) -> None:
        """Start servers of these programs, and wait until they work."""
        starts = {
            "ss-server": self._start_libev,
            "v2ray": self._start_v2ray,
            "trojan": self._start_trojan,
            "sing-box": self._start_sing_box,
            "mihomo": self._start_mihomo,
        }
        before = set(self.links)
        for program in programs:
            starts[program]()
        for name in set(self.links) - before:
            self.await_port(self.links[name].endpoint.port)
        if "mihomo" in programs:
            with entered(self.name):
                await_forwarding(_HTTP, f"http://{LOOPBACK}:{FIRST_PAGE}/204")

    def stop(self) -> None:
        """End all programs."""
        self._stack.close()

    def run(self, *command: str | Path) -> subprocess.Popen[bytes]:
        """Start a program in the namespace; `stop` ends it."""
        with entered(self.name):
            process = subprocess.Popen(
                list(command),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={
                    "HOME": str(self.home),
                    "PATH": os.environ["PATH"],
                    "GOMAXPROCS": "2",
                    "SKIP_SAFE_PATH_CHECK": "1",
                },
            )
        self._stack.callback(_end, process)
        return process

    def write(self, name: str, content: object) -> Path:
        """Write a file of a program's configuration."""
        path = self.home / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def certificate(self, name: str) -> tuple[str, str]:
        """The paths of a certificate and its key."""
        found, paths = certificate_of(name), (self.home / f"{name}.pem", self.home / f"{name}.key")
        for path, content in zip(paths, (found.certificate, found.key), strict=True):
            if not path.exists():  # a program that starts may read it right now
                path.write_text(content)
        return str(paths[0]), str(paths[1])

    def add(self, name: str, make: Any) -> int:
        """Give a server a port, and keep its link. `make` gets the endpoint."""
        at = self.next_endpoint()
        self.links[name] = make(at)
        return at.port

    def next_endpoint(self) -> Endpoint:
        """A port for another server."""
        return Endpoint(LOOPBACK, next(self._ports))

    def _start_libev(self) -> None:
        require("ss-server")
        for method in CLASSIC:
            port = self.add(f"ss-server {method}", lambda at, m=method: ShadowsocksLink(at, m, PASSWORD))
            address = ("-s", LOOPBACK, "-p", str(port))
            self.run("ss-server", "-u", *address, "-k", PASSWORD, "-m", method)

    def _start_trojan(self) -> None:
        require("trojan")
        certificate, key = self.certificate(NAME)
        port = self.add("trojan", lambda at: TrojanLink(at, PASSWORD, TLS))
        config = {
            "run_type": "server",
            "local_addr": LOOPBACK,
            "local_port": port,
            "remote_addr": LOOPBACK,
            "remote_port": FALLBACK,
            "password": [PASSWORD],
            "log_level": 5,
            "ssl": {"cert": certificate, "key": key, "alpn": ["http/1.1"]},
        }
        self.run("trojan", "-c", self.write("trojan.json", config))

    def _start_v2ray(self) -> None:
        require("v2ray")
        certificate, key = self.certificate(NAME)
        client = {"id": str(USER), "alterId": 0}
        tls = {
            "security": "tls",
            "tlsSettings": {"certificates": [{"certificateFile": certificate, "keyFile": key}]},
        }
        web = {"network": "ws", "wsSettings": {"path": PATH}}
        vmess = ("vmess", {"clients": [client]})
        vless = ("vless", {"clients": [{"id": str(USER)}], "decryption": "none"})
        vless_with_site = ("vless", {**vless[1], "fallbacks": [{"dest": FALLBACK}]})
        inbounds = [
            inbound(self.add(f"v2ray {name}", make), kind, settings, stream)
            for name, make, (kind, settings), stream in (
                ("vmess", lambda at: VmessLink(at, USER), vmess, {}),
                ("vmess ws", lambda at: VmessLink(at, USER, transport=WEB), vmess, web),
                ("vless tls", lambda at: VlessLink(at, USER, tls=TLS), vless, tls),
                ("vless tls with a site", lambda at: VlessLink(at, USER, tls=TLS), vless_with_site, tls),
                ("vless ws tls", lambda at: VlessLink(at, USER, tls=TLS, transport=WEB), vless, tls | web),
            )
        ]
        config = {
            "log": {"loglevel": "none"},
            "inbounds": inbounds,
            "outbounds": [{"protocol": "freedom"}],
        }
        self.run("v2ray", "-config", self.write("v2ray.json", config))

    def _start_sing_box(self) -> None:
        tls = {name: _sing_box_tls(name, *self.certificate(name)) for name in (NAME, EXPIRED)}
        users, web = [{"uuid": str(USER)}], {"type": "ws", "path": PATH}
        grpc = {"type": "grpc", "service_name": GRPC.service_name}
        inbounds = [
            self._sing_box(
                method, lambda at, m=method, p=key: ShadowsocksLink(at, m, p), "shadowsocks",
                method=method, password=key,
            )
            for method, key in METHODS.items()
        ]  # fmt: skip
        old = TlsOptions(EXPIRED)
        secret = [{"password": PASSWORD}]
        inbounds += [
            self._sing_box("vmess", lambda at: VmessLink(at, USER), "vmess", users=users),
            self._sing_box(
                "vmess ws tls", lambda at: VmessLink(at, USER, tls=TLS, transport=WEB), "vmess",
                users=users, tls=tls[NAME], transport=web,
            ),
            self._sing_box(
                "vmess grpc", lambda at: VmessLink(at, USER, transport=GRPC), "vmess",
                users=users, transport=grpc,
            ),
            self._sing_box(
                "trojan grpc", lambda at: TrojanLink(at, PASSWORD, TLS, GRPC), "trojan",
                users=secret, tls=tls[NAME], transport=grpc,
            ),
            self._sing_box("vless", lambda at: VlessLink(at, USER), "vless", users=users),
            self._sing_box(
                "vless tls", lambda at: VlessLink(at, USER, tls=TLS), "vless", users=users, tls=tls[NAME]
            ),
            self._sing_box(
                "vless tls vision", lambda at: VlessLink(at, USER, FLOW, tls=TLS), "vless",
                users=[users[0] | {"flow": FLOW}], tls=tls[NAME],
            ),
            self._sing_box(
                "trojan", lambda at: TrojanLink(at, PASSWORD, TLS), "trojan", users=secret, tls=tls[NAME]
            ),
            self._sing_box(
                "trojan expired", lambda at: TrojanLink(at, PASSWORD, old), "trojan",
                users=secret, tls=tls[EXPIRED],
            ),
        ]  # fmt: skip
        config = {"log": {"disabled": True}, "inbounds": inbounds, "outbounds": [{"type": "direct"}]}
        self.run(sing_box_program(), "run", "-c", self.write("sing-box.json", config))

    def start_without_exit(self) -> ProxyLink:
        """A server that accepts its clients, and reaches nothing outside."""
        name = "sing-box without exit"
        inbound = self._sing_box(
            "without exit", lambda at: ShadowsocksLink(at, "aes-256-gcm", PASSWORD), "shadowsocks",
            method="aes-256-gcm", password=PASSWORD,
        )  # fmt: skip
        dead = {"type": "socks", "server": LOOPBACK, "server_port": CLOSED}
        config = {"log": {"disabled": True}, "inbounds": [inbound], "outbounds": [dead]}
        self.run(sing_box_program(), "run", "-c", self.write("without-exit.json", config))
        link = self.links.pop(name)
        self.await_port(link.endpoint.port)
        return link

    def _sing_box(self, name: str, make: Any, kind: str, **options: object) -> dict[str, object]:
        port = self.add(f"sing-box {name}", make)
        return {"type": kind, "listen": LOOPBACK, "listen_port": port, **options}

    def _start_mihomo(self) -> None:
        certificate, key = self.certificate(NAME)
        tls = {"certificate": certificate, "private-key": key}
        users = [{"username": "a", "uuid": str(USER)}]
        listeners = [
            self._mihomo(
                method, lambda at, m=method, p=key_: ShadowsocksLink(at, m, p), "shadowsocks",
                cipher=method, password=key_, udp=True,
            )
            for method, key_ in METHODS.items()
        ]  # fmt: skip
        listeners += [
            self._mihomo("vmess", lambda at: VmessLink(at, USER), "vmess", users=users),
            self._mihomo("vless tls", lambda at: VlessLink(at, USER, tls=TLS), "vless", users=users, **tls),
            self._mihomo(
                "vless tls vision", lambda at: VlessLink(at, USER, FLOW, tls=TLS), "vless",
                users=[users[0] | {"flow": FLOW}], **tls,
            ),
            self._mihomo(
                "trojan", lambda at: TrojanLink(at, PASSWORD, TLS), "trojan",
                users=[{"username": "a", "password": PASSWORD}], **tls,
            ),
        ]  # fmt: skip
        listeners += [
            self._mihomo_reality(
                "vless reality", self.links["mihomo trojan"].endpoint.port, short_ids=("", SHORT_ID.hex())
            ),
            self._mihomo_reality("vless vision", IMITATED, FLOW),
        ]  # the first site chooses X25519MLKEM768, the second X25519
        home = self.home / "mihomo-server"
        home.mkdir()
        listeners.append(http_listener(_HTTP))
        config = {"mode": "direct", "log-level": "silent", "ipv6": False, "listeners": listeners}
        (home / "config.yaml").write_text(json.dumps(config))
        self.run(mihomo_program(), "-d", home)

    def _mihomo(self, name: str, make: Any, kind: str, **options: object) -> dict[str, object]:
        port = self.add(f"mihomo {name}", make)
        return {"name": name, "type": kind, "listen": LOOPBACK, "port": port, **options}

    def _mihomo_reality(
        self, name: str, site: int, flow: str = "", short_ids: tuple[str, ...] = (SHORT_ID.hex(),)
    ) -> dict[str, object]:
        options = {
            "dest": f"{LOOPBACK}:{site}",
            "private-key": base64_url(REALITY_KEY.private_bytes_raw()),
            "short-id": list(short_ids),
            "server-names": [NAME],
            "max-time-difference": 60_000_000,  # microseconds
        }
        return self._mihomo(
            name, lambda at: VlessLink(at, USER, flow, tls=TlsOptions(NAME, reality=REALITY)), "vless",
            users=[{"username": "a", "uuid": str(USER), "flow": flow}], **{"reality-config": options},
        )  # fmt: skip

    def await_port(self, port: int) -> None:
        """Wait until something listens on a port."""
        deadline = time.monotonic() + _READY_WITHIN_S
        with entered(self.name):
            while True:
                try:
                    socket.create_connection((LOOPBACK, port)).close()
                    return
                except OSError:
                    assert time.monotonic() < deadline, f"nothing listens on port {port}"
                    time.sleep(0.02)


def certificate_of(name: str) -> SelfSigned:
    """The certificate for a name: that of an expired one ended yesterday."""
    return self_signed(name, -1 if name == EXPIRED else 30)


def inbound(port: int, protocol: str, settings: object, stream: object) -> dict[str, object]:
    """An inbound of v2ray or of Xray."""
    return {
        "listen": LOOPBACK,
        "port": port,
        "protocol": protocol,
        "settings": settings,
        "streamSettings": stream,
    }


def _sing_box_tls(name: str, certificate: str, key: str) -> dict[str, object]:
    return {"enabled": True, "server_name": name, "certificate_path": certificate, "key_path": key}


def base64_url(data: bytes) -> str:
    """Base64 as keys of REALITY have it."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@contextmanager
def proxy_servers(home: Path, *programs: str) -> Iterator[ProxyServers]:
    """Servers of these programs in a namespace of their own, and two pages and a web site beside them."""
    require("ip", root=True)
    with namespace("p") as name, ExitStack() as stack:
        with entered(name):
            stack.enter_context(pages(FIRST_PAGE))
            stack.enter_context(pages(SECOND_PAGE))
            stack.enter_context(pages(FALLBACK, Fallback))
            stack.enter_context(pages(OTHER_CLOCK, OtherClock))
            stack.enter_context(pages(SECURE_PAGE, certificate=certificate_of(LOOPBACK)))
            stack.enter_context(pages(IMITATED, certificate=self_signed(IMITATED_NAME, 30, NAME)))
        servers = ProxyServers(name, home)
        stack.callback(servers.stop)
        servers.start(*programs)
        yield servers
