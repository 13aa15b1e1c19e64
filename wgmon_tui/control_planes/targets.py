"""Joins control planes with their tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from wgmon_tui.checks.protocol import Targets
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.config.control_planes import ControlPlaneSettings
from wgmon_tui.config.http_targets import certificate_bytes, read_certificates
from wgmon_tui.config.models import Server
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.records import dataclass
from wgmon_tui.text import quoted

_NEEDS = 'control planes need the package h11; type: pip install "wgmon-tui[control-plane]"'


@dataclass(frozen=True, slots=True)
class ControlPlaneTarget(ServerTarget):
    """A control plane with its token. `authorities` (DER) is empty if those of the system are trusted."""

    token: str = field(default="", repr=False)
    authorities: bytes = field(default=b"", repr=False)

    def with_server(self, server: Server) -> ControlPlaneTarget:
        """The same secrets with a changed entry."""
        return replace(self, server=server)


def join_servers(servers: Sequence[Server], secrets: Mapping[str, Mapping[str, bytes]]) -> Targets:
    """Join control planes with their secrets, by name and attribute. A bad one excludes only itself."""
    try:
        import h11  # noqa: F401  part of an extra
    except ImportError:
        return Targets({}, {each.name: f"control plane {quoted(each.name)}: {_NEEDS}" for each in servers})
    ready: dict[str, ControlPlaneTarget] = {}
    problems: dict[str, str] = {}
    for server in servers:
        try:
            ready[server.name] = _join(server, secrets.get(server.name, {}))
        except InvalidValueError as error:
            problems[server.name] = f"servers.toml: control_plane {quoted(server.name)}: {error}"
    return Targets(ready, problems)


def _join(server: Server, secrets: Mapping[str, bytes]) -> ControlPlaneTarget:
    """Raises InvalidValueError."""
    settings: ControlPlaneSettings = server.protocol_settings
    if settings.socket:
        return ControlPlaneTarget(server, secrets)
    token = secrets.get("token", b"").decode("latin-1").strip()
    if not token:
        raise InvalidValueError('key token_file: missing; add token_file = "…"')
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise InvalidValueError("key token: expected one word of ASCII characters; look for pasted line ends")
    authorities = b""
    if ca := secrets.get("ca"):
        try:
            text = ca.decode("ascii")
        except UnicodeDecodeError:
            raise InvalidValueError("key ca: expected certificates in PEM form") from None
        authorities = b"".join(map(certificate_bytes, read_certificates([text])))
    return ControlPlaneTarget(server, secrets, token, authorities)
