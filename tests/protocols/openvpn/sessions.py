"""A client and the lab's server in memory, with any network between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import IPv4Address

from tests.protocols.openvpn.certificates import Issued
from wgmon_tui.lab.openvpn import server as lab
from wgmon_tui.lab.openvpn.certificates import LabAuthority, LabCertificate, make_static_key, write_profile
from wgmon_tui.lab.openvpn.session import LabSession, SessionSetup
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.openvpn import key_exchange
from wgmon_tui.protocols.openvpn.client import Client, Login
from wgmon_tui.protocols.openvpn.events import Event
from wgmon_tui.protocols.openvpn.profile import Profile
from wgmon_tui.protocols.openvpn.profile_parser import parse_profile
from wgmon_tui.protocols.openvpn.tls_context import make_context
from wgmon_tui.protocols.openvpn.wrapping import make_wrapping

SERVER_NAME, PASSWORD = "server", "a very secret word"


@cache
def authority() -> LabAuthority:
    return LabAuthority()


@cache
def static_key() -> bytes:
    return make_static_key()


@cache
def _setup(wrapped: bool) -> SessionSetup:
    context = lab.make_context(authority(), authority().issue_server(SERVER_NAME))
    return SessionSetup(context, static_key() if wrapped else b"", IPv4Address("10.98.0.2"), 1)


@cache
def profile(wrapped: bool) -> Profile:
    key = static_key() if wrapped else b""
    text = write_profile(Endpoint("127.0.0.1", 1194), authority(), authority().issue_client("monitor"), key)
    return parse_profile(text.encode())


@dataclass
class Pair:
    """Both sides. `events` are those of the client, `now` is the time of both."""

    wrapped: bool = True
    accepts: Callable[[Sequence[bytes]], bool] = lambda _: True
    issued: LabCertificate | Issued | None = None
    """The certificate of the client, in place of one that the server accepts."""
    events: list[Event] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.client = Client(make_wrapping(profile(self.wrapped).remotes[0].wrapper))
        self.server = LabSession(_setup(self.wrapped))
        self._has_login = False

    def client_packets(self) -> list[bytes]:
        """What the client sends now. It logs in as soon as the reset was answered."""
        if self.client.remote_session_id and not self._has_login:
            self._has_login = True
            self.events += self.client.log_in(self._login(), self.now)
        return self.client.take_packets(self.now, 1)

    def to_client(self, packet: bytes) -> None:
        """Deliver a packet to the client."""
        self.events += self.client.receive(packet, self.now)

    def run(self, steps: int = 60) -> None:
        """A perfect network."""
        for _ in range(steps):
            for packet in self.client_packets():
                for answer in self.server.receive(packet, self.now):
                    self.to_client(answer)
            for answer in self.server.take_due(self.now):
                self.to_client(answer)
            self.now += 5.0

    def kinds(self) -> list[str]:
        """The names of the events, without rejections."""
        return [name for each in self.events if (name := type(each).__name__) != "Rejected"]

    def _login(self) -> Login:
        info = key_exchange.peer_info("2.6.0", profile(self.wrapped).data_ciphers)
        own = profile(self.wrapped)
        if self.issued:
            own = replace(own, certificate=self.issued.certificate, private_key=self.issued.key)
        context = make_context(own, None, "/dev/null")
        return Login(context, ("V4,dev-type tun", "bob", PASSWORD, info), self.accepts)
