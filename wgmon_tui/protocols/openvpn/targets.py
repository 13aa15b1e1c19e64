"""Joins OpenVPN servers with their profiles and secrets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.protocol import ProtocolTarget, Targets
from wgmon_tui.config.models import Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.protocols.openvpn.pkcs12_archive import with_archive_opened
from wgmon_tui.protocols.openvpn.profile import Credentials, Profile, Remote, RemoteProto
from wgmon_tui.protocols.openvpn.profile_parser import ProfileError, parse_profile
from wgmon_tui.protocols.openvpn.settings import OpenVpnSettings
from wgmon_tui.protocols.openvpn.wrapping import make_wrapping
from wgmon_tui.text import format_list, quoted

MISSING_PACKAGE = 'OpenVPN needs the package cryptography; type: pip install "wgmon-tui[vpn]"'
_NO_PROFILE = 'key openvpn.profile: missing; name the file of the client, such as profile = "client.ovpn"'


@dataclass(frozen=True, slots=True)
class OpenVpnTarget:
    """A server with its profile. `remote` is the one of the profile that `endpoint` names.

    `credentials` are those of the settings, else of the profile; their password is None if nobody gave one.
    `may_log_in` tells whether a check may go beyond the reset. `secrets` are those of the table, by
    attribute.
    """

    server: Server
    profile: Profile
    remote: Remote
    credentials: Credentials | None = field(default=None, repr=False)
    key_password: str | None = field(default=None, repr=False)
    challenge_response: str | None = field(default=None, repr=False)
    may_log_in: bool = False
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def lacks_password(self) -> bool:
        """Whether a client would ask for a user and a password that are not set."""
        is_set = self.credentials is not None and self.credentials.password is not None
        return self.profile.needs_credentials and not is_set

    @property
    def lacks_answer(self) -> bool:
        """Whether a client would ask for the answer to a challenge, and none is set."""
        return self.profile.challenge is not None and self.challenge_response is None

    @property
    def agreed_values(self) -> tuple[object, ...]:
        """The profile and the secrets beside it."""
        return (self.profile, self.remote, self.credentials, *sorted(self.secrets.items()))

    @property
    def digest_parts(self) -> tuple[str, ...]:
        """A hash of each secret: of the whole profile, and of what is beside it."""
        return tuple(
            f"{name} {hashlib.sha256(secret).hexdigest()}" for name, secret in sorted(self.secrets.items())
        )

    def with_server(self, server: Server) -> OpenVpnTarget:
        """The same profile with a changed entry of the server."""
        return replace(self, server=server)

    def is_probed_as(self, check: Check) -> bool:
        """Whether a check of an earlier run used the same identity: a server has only one profile."""
        return check.protocol == self.server.protocol


def join_servers(servers: Sequence[Server], keyring: Keyring) -> Targets:
    """Join servers with their profiles. A bad profile excludes one server, never the fleet."""
    ready: dict[str, ProtocolTarget] = {}
    problems: dict[str, str] = {}
    has_package = find_spec("cryptography") is not None
    for server in servers:
        if not has_package:
            problems[server.name] = f"servers.toml: server {quoted(server.name)}: {MISSING_PACKAGE}"
            continue
        try:
            ready[server.name] = make_target(server, keyring.protocol_secrets.get(server.name, {}))
        except ProfileError as error:
            problems[server.name] = f"servers.toml: server {quoted(server.name)}: {error}"
    return Targets(ready, problems)


def make_target(server: Server, secrets: Mapping[str, bytes]) -> OpenVpnTarget:
    """Join one server with its secrets, by attribute of the settings. Raises ProfileError."""
    settings = server.protocol_settings
    if not isinstance(settings, OpenVpnSettings):
        settings = OpenVpnSettings()
    if "profile" not in secrets:
        raise ProfileError(_NO_PROFILE)
    profile = parse_profile(secrets["profile"])
    key_password = _text(secrets, "key_password") or profile.key_password
    profile = with_archive_opened(profile, key_password)
    password = _text(secrets, "password")
    remote = _find_remote(server, settings, profile)
    try:
        make_wrapping(remote.wrapper)
    except ValueError:
        digest = remote.wrapper.digest
        raise ProfileError(f"auth {digest}: wgmon-tui does not have this digest for tls-auth") from None
    return OpenVpnTarget(
        server,
        profile,
        remote,
        _credentials(settings.username, password, profile.credentials),
        key_password,
        _text(secrets, "challenge_response"),
        settings.dedicated,
        secrets,
    )


def _find_remote(server: Server, settings: OpenVpnSettings, profile: Profile) -> Remote:
    host, port = server.endpoint.host, server.endpoint.port
    transport = RemoteProto(settings.proto) if settings.proto else None
    if found := profile.find_remote(host, port, transport):
        return found
    known = format_list(
        (f"{each.host}:{each.port} ({each.transport.value})" for each in profile.remotes), most=4
    )
    proto = f" for {transport.value}" if transport else ""
    raise ProfileError(f"key endpoint: the profile has no remote {host}:{port}{proto}; it has {known}")


def _credentials(username: str, password: str | None, own: Credentials | None) -> Credentials | None:
    """The user and the password: what the settings have wins over the profile."""
    user = username or (own.username if own else "")
    word = password if password is not None else (own.password if own else None)
    return Credentials(user, word) if user or word is not None else None


def _text(secrets: Mapping[str, bytes], name: str) -> str | None:
    return secrets[name].decode() if name in secrets else None
