"""Real clients beside the prober: mihomo and sing-box fetch the same page through the same link."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from tests.real.amneziawg.mihomo import mihomo_program
from tests.real.namespaces import entered
from tests.real.proxies.certificates import EXPIRED, NAME
from tests.real.proxies.pages import LOOPBACK
from tests.real.proxies.servers import ProxyServers, certificate_of
from tests.real.proxies.sing_box import sing_box_program
from wgmon_tui.net.http_target import Url
from wgmon_tui.protocols.proxies.links.records import (
    GrpcOptions,
    ProxyLink,
    ShadowsocksLink,
    TlsOptions,
    TrojanLink,
    VlessLink,
    VmessLink,
    WebSocketOptions,
)

_MIHOMO, _SING_BOX, _FIRST_INBOUND = 7999, 7998, 10_000
_READY_WITHIN_S = 20.0
_WAIT_MS = 2000


class Controller:
    """A client with the API of Clash on a port."""

    def __init__(self, servers: ProxyServers, port: int, *command: str | Path) -> None:
        self._namespace, self._port = servers.name, port
        self.process = servers.run(*command)
        deadline = time.monotonic() + _READY_WITHIN_S
        while self.ask("/version") is None:
            assert time.monotonic() < deadline, "the client does not start"
            time.sleep(0.05)

    def ask(self, path: str) -> bytes | None:
        """The body of its answer; None if it does not listen."""
        with entered(self._namespace):
            connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=30)
            try:
                connection.request("GET", path)
                return connection.getresponse().read()
            except OSError:
                return None
            finally:
                connection.close()


class Judge(Controller):
    """A client with one proxy for each link, which measures the delay of a page when it is asked."""

    def await_proxies(self, names: Iterable[str]) -> None:
        """Wait until it has them all: it answers requests before it has read its configuration."""
        deadline = time.monotonic() + _READY_WITHIN_S
        for name in names:
            while "name" not in json.loads(self.ask(f"/proxies/{quote(name)}") or b"{}"):
                assert time.monotonic() < deadline, f"the client has no proxy {name}"
                time.sleep(0.05)

    def delay(self, name: str, page: Url, status: int) -> str:
        """What the client says of a proxy: its delay, or its whole message."""
        query = urlencode({"url": str(page), "timeout": _WAIT_MS, "expected": status})
        answer = self.ask(f"/proxies/{quote(name)}/delay?{query}")
        assert answer is not None
        found = json.loads(answer)
        return f"{found['delay']} ms" if "delay" in found else str(found["message"])


def mihomo_judge(servers: ProxyServers, links: Mapping[str, ProxyLink]) -> Judge:
    """mihomo as a client."""
    home = servers.home / "mihomo-client"
    home.mkdir()
    config = {
        "mode": "rule",
        "log-level": "silent",
        "ipv6": False,
        "external-controller": f"{LOOPBACK}:{_MIHOMO}",
        "tls": {"custom-certifactes": [certificate_of(each).certificate for each in (NAME, EXPIRED)]},
        "proxies": [_proxy(name, link) for name, link in links.items()],
        "rules": ["MATCH,DIRECT"],
    }
    (home / "config.yaml").write_text(json.dumps(config))
    judge = Judge(servers, _MIHOMO, mihomo_program(), "-d", home)
    judge.await_proxies(links)
    return judge


class SingBoxClient:
    """sing-box as a client: a port of an HTTP proxy for each link, and a group that tests its page by itself.

    Its test (`urltest`) sends HEAD, and takes any status for a success. This build has no uTLS, so it cannot
    speak REALITY.
    """

    def __init__(
        self, servers: ProxyServers, links: Mapping[str, ProxyLink], pages: Mapping[str, Url]
    ) -> None:
        self._namespace = servers.name
        self._ports = {name: port for port, name in enumerate(links, _FIRST_INBOUND)}
        groups = [
            {"type": "urltest", "tag": f"test {name}", "outbounds": [name], "url": str(pages[name]),
             "interval": "10m"}
            for name in links
        ]  # fmt: skip
        config = {
            "log": {"disabled": True},
            "inbounds": [
                {"type": "mixed", "tag": f"in {name}", "listen": LOOPBACK, "listen_port": port}
                for name, port in self._ports.items()
            ],
            "outbounds": [*(_outbound(name, link) for name, link in links.items()), *groups],
            "experimental": {"clash_api": {"external_controller": f"{LOOPBACK}:{_SING_BOX}"}},
            "route": {"rules": [{"inbound": f"in {name}", "outbound": name} for name in links]},
        }
        file = servers.write("sing-box-client.json", config)
        self._controller = Controller(servers, _SING_BOX, sing_box_program(), "run", "-c", file)
        for port in self._ports.values():
            servers.await_port(port)

    def urltest(self, name: str) -> str:
        """Whether its own test finds the proxy alive."""
        answer = self._controller.ask(f"/group/{quote(f'test {name}')}/delay?timeout={_WAIT_MS}")
        found = json.loads(answer or b"{}")
        return "alive" if name in found else "dead"

    def fetch(self, name: str, page: Url) -> str:
        """The status that a client gets, or "nothing"."""
        with entered(self._namespace):
            connection = http.client.HTTPConnection(LOOPBACK, self._ports[name], timeout=_WAIT_MS / 1000)
            try:
                connection.request("GET", str(page))
                return str(connection.getresponse().status)
            except (OSError, http.client.HTTPException):
                return "nothing"
            finally:
                connection.close()


def _outbound(name: str, link: ProxyLink) -> dict[str, object]:
    found: dict[str, object] = {
        "tag": name,
        "server": str(link.endpoint.host),
        "server_port": link.endpoint.port,
    }
    if isinstance(link, ShadowsocksLink):
        return found | {"type": "shadowsocks", "method": link.method, "password": link.password}
    if isinstance(link, TrojanLink):
        found |= {"type": "trojan", "password": link.password}
    else:
        own = {"type": "vmess"} if isinstance(link, VmessLink) else {"type": "vless", "flow": link.flow}
        found |= {**own, "uuid": str(link.user_id)}
    if link.tls:
        pem = "".join(certificate_of(each).certificate for each in (NAME, EXPIRED))
        found["tls"] = {"enabled": True, "server_name": link.tls.server_name, "certificate": pem.splitlines()}
    if isinstance(link.transport, WebSocketOptions):
        headers = {"Host": link.transport.host}
        found["transport"] = {"type": "ws", "path": link.transport.path, "headers": headers}
    elif isinstance(link.transport, GrpcOptions):
        found["transport"] = {"type": "grpc", "service_name": link.transport.service_name}
    return found


def _proxy(name: str, link: ProxyLink) -> dict[str, object]:
    proxy: dict[str, object] = {"name": name, "server": link.endpoint.host, "port": link.endpoint.port}
    match link:
        case ShadowsocksLink():
            return proxy | {"type": "ss", "cipher": link.method, "password": link.password}
        case VmessLink():
            options = {"type": "vmess", "uuid": str(link.user_id), "alterId": 0, "cipher": link.security}
            return proxy | options | _tls(link.tls, "servername") | _transport(link.transport)
        case VlessLink():
            options = {"type": "vless", "uuid": str(link.user_id), "flow": link.flow}
            return proxy | options | _tls(link.tls, "servername") | _transport(link.transport)
        case TrojanLink():
            options = {"type": "trojan", "password": link.password}
            return proxy | options | _tls(link.tls, "sni") | _transport(link.transport)


def _tls(tls: TlsOptions | None, key: str) -> dict[str, object]:
    if tls is None:
        return {}
    found: dict[str, object] = {"tls": True, key: tls.server_name}
    if tls.reality:
        key_text = base64.urlsafe_b64encode(tls.reality.public_key).decode().rstrip("=")
        options = {"public-key": key_text, "short-id": tls.reality.short_id.hex()}
        found |= {"reality-opts": options, "client-fingerprint": "chrome"}
    return found


def _transport(transport: object) -> dict[str, object]:
    if isinstance(transport, GrpcOptions):
        return {"network": "grpc", "grpc-opts": {"grpc-service-name": transport.service_name}}
    if not isinstance(transport, WebSocketOptions):
        return {}
    return {"network": "ws", "ws-opts": {"path": transport.path, "headers": {"Host": transport.host}}}
