"""A strongSwan server with a connection for each way to authenticate, and checks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.protocols.ikev2.certificates import Issued, issue, make_authority, revoke
from tests.real.ikev2.strongswan import Charon, charon
from tests.real.namespaces import RoutedPath, entered
from tests.real.server import SLOW_S
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.protocol import ProbeServices, ProtocolProber, ProtocolTarget
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.models import Round

SERVER, MONITOR, USER = "gate.test", "monitor.test", "live@user.test"
SECRET, PASSWORD = "correct horse battery", "staple"
ADDRESS = "10.77.2.2"
SIGNATURES = ("rsa", "ecdsa", "ed25519")

ENTRY = """
[[server]]
name = "gate"
protocol = "ikev2"
endpoint = "{endpoint}"
timeout = "{timeout}"
slow = "{slow}s"
tunnel = {tunnel}
tunnel_ping = {ping}

[server.ikev2]
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The certificates of one kind of key, and those that are wrong in some way."""

    authority: Issued
    server: Issued
    client: Issued


def _key(kind: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 3072)
    return Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())


@cache
def credentials(kind: str) -> Credentials:
    """The authority, the server and the client with keys of one kind. RSA keys take a second to make."""
    authority = make_authority(f"{kind} authority")
    server = issue(f"{kind}.{SERVER}", authority, _key(kind))
    return Credentials(authority, server, issue(f"{kind}.{MONITOR}", authority, _key(kind)))


@cache
def expired_server() -> Issued:
    """A certificate of the RSA authority that expired yesterday."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return issue(f"expired.{SERVER}", credentials("ecdsa").authority, not_after=yesterday)


@cache
def expired_client() -> Issued:
    """A certificate of the ECDSA authority for the monitor that expired yesterday."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return issue(f"ecdsa.{MONITOR}", credentials("ecdsa").authority, not_after=yesterday)


@cache
def revoked_server() -> Issued:
    """A certificate of the ECDSA authority that is in its revocation list."""
    return issue(f"revoked.{SERVER}", credentials("ecdsa").authority)


@cache
def revocation_list() -> bytes:
    """That of the ECDSA authority."""
    return revoke(credentials("ecdsa").authority, revoked_server())


@cache
def long_server() -> Issued:
    """A certificate of several kilobytes: IKE_AUTH with it fits into no packet."""
    names = [f"{number:060}.{SERVER}" for number in range(60)]
    return issue(f"long.{SERVER}", credentials("ecdsa").authority, names=names)


def _by_certificate(kind: str) -> str:
    return f"""
  {kind} {{
    version = 2
    local {{ auth = pubkey
      certs = {kind}-server.pem
      id = {kind}.{SERVER} }}
    remote {{ auth = pubkey
      id = {kind}.{MONITOR}
      cacerts = {kind}-authority.pem }}
    pools = inner
    children {{ net {{ local_ts = 0.0.0.0/0 }} }}
  }}"""


_EVERYTHING = "local_ts = 0.0.0.0/0"


def _by_secret(proposals: str, pool: str, child: str = _EVERYTHING) -> str:
    return f"""
  psk {{
    version = 2
    proposals = {proposals}
    local {{ auth = psk
      id = {SERVER} }}
    remote {{ auth = psk
      id = {MONITOR} }}
    pools = {pool}
    children {{ net {{ {child} }} }}
  }}"""


_POOLS = "pools { inner { addrs = 10.99.0.0/24 } }"
_SECRET = f'ike-monitor {{ id = {MONITOR}\n secret = "{SECRET}" }}'


def only_by_secret(proposals: str = "default", pool: str = "inner", child: str = _EVERYTHING) -> str:
    """swanctl.conf with one connection, by preshared key."""
    return f"connections {{ {_by_secret(proposals, pool, child)} }}\n{_POOLS}\nsecrets {{ {_SECRET} }}\n"


def configuration(more: str = "", more_secrets: str = "") -> str:
    """swanctl.conf with all connections."""
    by_certificate = "".join(map(_by_certificate, SIGNATURES))
    return f"""
connections {{
  {_by_secret("default", "inner")}
  eap {{
    version = 2
    local {{ auth = pubkey
      certs = ecdsa-server.pem
      id = ecdsa.{SERVER} }}
    remote {{ auth = eap-mschapv2
      eap_id = %any
      id = eap.{MONITOR} }}
    pools = inner
    children {{ net {{ local_ts = 0.0.0.0/0 }} }}
  }}
  long {{
    version = 2
    fragmentation = no
    local {{ auth = pubkey
      certs = long-server.pem
      id = long.{SERVER} }}
    remote {{ auth = psk
      id = long.{MONITOR} }}
  }}
  expired {{
    version = 2
    local {{ auth = pubkey
      certs = expired-server.pem
      id = expired.{SERVER} }}
    remote {{ auth = psk
      id = expired.{MONITOR} }}
  }}
  revoked {{
    version = 2
    local {{ auth = pubkey
      certs = revoked-server.pem
      id = revoked.{SERVER} }}
    remote {{ auth = psk
      id = revoked.{MONITOR} }}
  }}
  {by_certificate}
  {more}
}}
{_POOLS}
secrets {{
  {_SECRET}
  {more_secrets}
  ike-long {{ id = long.{MONITOR}
    secret = "{SECRET}" }}
  ike-revoked {{ id = revoked.{MONITOR}
    secret = "{SECRET}" }}
  ike-expired {{ id = expired.{MONITOR}
    secret = "{SECRET}" }}
  eap-monitor {{ id = eap.{MONITOR}
    secret = "{PASSWORD}" }}
}}
"""


def files() -> dict[str, bytes]:
    """The certificates and keys of the server."""
    found: dict[str, bytes] = {}
    for kind in SIGNATURES:
        made = credentials(kind)
        found |= {
            f"x509/{kind}-server.pem": made.server.certificate_pem,
            f"x509ca/{kind}-authority.pem": made.authority.certificate_pem,
            f"private/{kind}-server.pem": made.server.key_pem,
        }
    expired = expired_server()
    long = long_server()
    return {
        **found,
        "x509/long-server.pem": long.certificate_pem,
        "private/long-server.pem": long.key_pem,
        "x509/revoked-server.pem": revoked_server().certificate_pem,
        "private/revoked-server.pem": revoked_server().key_pem,
        "x509/expired-server.pem": expired.certificate_pem,
        "private/expired-server.pem": expired.key_pem,
    }


@contextmanager
def strongswan(
    path: RoutedPath, directory: Path, *, conf: str = "", settings: str = "", plugins: str = "kernel-netlink"
) -> Iterator[Charon]:
    """charon in the namespace of the server."""
    with charon(
        path.server,
        directory,
        conf or configuration(),
        settings=settings,
        plugins=plugins,
        files=files(),
    ) as started:
        yield started


def write_credentials(directory: Path) -> None:
    """The files that servers.toml names."""
    directory.mkdir(parents=True, exist_ok=True)
    clients = {kind: credentials(kind).client for kind in SIGNATURES} | {"expired": expired_client()}
    for kind in SIGNATURES:
        (directory / f"{kind}-ca.pem").write_bytes(credentials(kind).authority.certificate_pem)
    (directory / "ecdsa.crl").write_bytes(revocation_list())
    (directory / "old.crl").write_bytes(revoke(credentials("ecdsa").authority, days=-1))
    (directory / "rsa.crl").write_bytes(revoke(credentials("rsa").authority))
    for name, client in clients.items():
        (directory / f"{name}.pem").write_bytes(client.certificate_pem)
        key = directory / f"{name}.key"
        key.write_bytes(client.key_pem)
        key.chmod(0o600)


class Watcher:
    """Checks the server from the namespace of the client, with one prober."""

    def __init__(self, path: RoutedPath, directory: Path) -> None:
        self._path, self._directory = path, directory
        write_credentials(directory)
        self._protocol = find_protocol("ikev2")
        self._secrets: list[str] = []
        self.prober = self._make_prober()

    def _make_prober(self) -> ProtocolProber:
        services = ProbeServices(lambda _: b"", note_secret=self._secrets.append)
        return self._protocol.make_prober(services)

    @property
    def secrets(self) -> list[str]:
        """What the prober noted for key logs."""
        return self._secrets

    def fleet(
        self,
        settings: str,
        *,
        endpoint: str = f"{ADDRESS}:500",
        timeout: str = "2s",
        tunnel: bool = False,
        ping: str = "",
    ) -> Fleet:
        entry = ENTRY.format(
            endpoint=endpoint,
            timeout=timeout,
            slow=SLOW_S,
            tunnel=str(tunnel).lower(),
            ping=f'["{ping}"]' if ping else "[]",
        )
        return parse(entry + settings)

    def look(
        self,
        settings: str,
        *,
        deep: bool = True,
        explain: bool = False,
        endpoint: str = f"{ADDRESS}:500",
        timeout: str = "2s",
        tunnel: bool = False,
        ping: str = "",
        beside: Callable[[asyncio.Task[object]], Coroutine[object, object, None]] | None = None,
    ) -> Round:
        """The result of one check. `beside` runs meanwhile, and gets its task."""
        fleet = self.fleet(settings, endpoint=endpoint, timeout=timeout, tunnel=tunnel, ping=ping)
        server, target = self.target(fleet)

        async def run() -> Round:
            depth = CheckDepth(deep=deep, explain=explain)
            check = asyncio.create_task(run_check_round(self.prober, server, target, depth))
            if beside is not None:
                await beside(check)
            return await check

        with entered(self._path.client):
            return asyncio.run(run())

    def look_at_once(self, settings: str, count: int) -> list[Round]:
        """The results of several checks at the same time, by one prober."""
        server, target = self.target(self.fleet(settings))

        async def run() -> list[Round]:
            depth = CheckDepth(deep=True)
            checks = (run_check_round(self.prober, server, target, depth) for _ in range(count))
            return await asyncio.gather(*checks)

        with entered(self._path.client):
            return asyncio.run(run())

    def target(self, fleet: Fleet) -> tuple[Server, ProtocolTarget]:
        """The only server of a fleet, and its target."""
        keyring = open_keyring(fleet, self._directory)
        targets = self._protocol.make_targets(fleet.servers, fleet, keyring)
        assert not targets.problems, targets.problems
        (server,) = fleet.servers
        return server, targets.ready[server.name]


def by_secret(secret: str = SECRET, local_id: str = MONITOR, more: str = "") -> str:
    """Settings with a preshared key."""
    return f'dedicated = true\nlocal_id = "{local_id}"\nsecret = "{secret}"\n{more}'


def by_certificate(kind: str, *, authority: str = "", remote_id: str = "") -> str:
    """Settings with a certificate."""
    return (
        f'dedicated = true\ncertificate_file = "{kind}.pem"\nkey_file = "{kind}.key"\n'
        f'local_id = "{kind}.{MONITOR}"\n'
        f'ca_file = "{authority or kind}-ca.pem"\nremote_id = "{remote_id or f"{kind}.{SERVER}"}"\n'
    )


def by_password(password: str = PASSWORD, user: str = f"eap.{MONITOR}", more: str = "") -> str:
    """Settings with EAP."""
    return (
        f'dedicated = true\neap_user = "{user}"\neap_password = "{password}"\n'
        f'ca_file = "ecdsa-ca.pem"\nremote_id = "ecdsa.{SERVER}"\n{more}'
    )


def stages_of(check: Check) -> dict[str, str]:
    """The outcome of each stage by its name."""
    return {each.name: each.outcome.slug for each in check.stages}
