"""A client and the embedded responder, in memory: datagrams are passed on by hand, and time is a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from wgmon_tui.lab.ikev2.responder import LabIkeResponder, LabIkeSetup
from wgmon_tui.protocols.ikev2.client import IkeClient
from wgmon_tui.protocols.ikev2.client_options import AuthenticationOptions, ClientOptions, PathEnds
from wgmon_tui.protocols.ikev2.credentials import SharedSecret
from wgmon_tui.protocols.ikev2.events import Event
from wgmon_tui.protocols.ikev2.identities import parse_identity
from wgmon_tui.protocols.ikev2.offers import child_request
from wgmon_tui.protocols.ikev2.proposals import parse_proposal
from wgmon_tui.protocols.ikev2.security_association import offer
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings

CLIENT, SERVER = IPv4Address("192.0.2.10"), IPv4Address("192.0.2.1")
PATH = PathEnds(CLIENT, 40000, SERVER, 500)
SECRET = b"correct horse battery"
NOW = 1_790_000_000.0
PROPOSAL = "aes128gcm16-prfsha256-curve25519"

Change = Callable[[bytes], list[bytes]]


def by_secret(
    secret: bytes = SECRET, *, remote_id: str = "", with_child: bool = False, proposal: str = PROPOSAL
) -> ClientOptions:
    """A session with a preshared key."""
    wanted = AuthenticationOptions(
        SharedSecret(secret),
        parse_identity("monitor.test"),
        parse_identity(remote_id) if remote_id else None,
        (),
        NOW,
        child_request(Ikev2Settings()) if with_child else None,
        child_request(Ikev2Settings()),
    )
    return ClientOptions(offer([parse_proposal(proposal)]), 2.0, wanted)


def keep(datagram: bytes) -> list[bytes]:
    """Pass a datagram on as it is."""
    return [datagram]


@dataclass(slots=True)
class Conversation:
    """A client and a responder. `sent` are all datagrams of the client, `events` all that it said."""

    client: IkeClient
    responder: LabIkeResponder
    now: float = 0.0
    sent: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def begin(self) -> None:
        self.client.begin(self.now)

    def outgoing(self) -> Iterator[tuple[bytes, int]]:
        """What the client sends now, and the port to which."""
        for each in self.client.take_datagrams():
            self.sent.append(each.data)
            yield each.data, 4500 if each.to_nat_port else 500
        self.events += self.client.take_events()

    def answer(self, datagram: bytes) -> bytes | None:
        """What the responder answers."""
        return self.responder.receive(datagram, (str(CLIENT), 40000))

    def receive(self, datagram: bytes) -> None:
        self.client.receive(datagram, self.now)
        self.events += self.client.take_events()

    def run(self, forth: Change = keep, back: Change = keep) -> list[Event]:
        """Run until the client waits for nothing. `forth` and `back` change what is on the way."""
        while True:
            answers = [
                answer
                for data, _ in self.outgoing()
                for changed in forth(data)
                if (answer := self.answer(changed)) is not None
            ]
            for answer in answers:
                for changed in back(answer):
                    self.receive(changed)
            if not answers:
                due = self.client.next_at
                if due is None and not self.client._datagrams:
                    return self.events
                if due is not None:
                    self.now = max(self.now, due)
                    self.client.advance(self.now)
                    self.events += self.client.take_events()

    def end(self) -> list[Event]:
        self.client.end(self.now)
        return self.run()


def converse(options: ClientOptions, setup: LabIkeSetup | None = None) -> Conversation:
    """A conversation that has begun."""
    responder = LabIkeResponder(
        setup or LabIkeSetup("gate.test", SECRET, proposals=(parse_proposal(PROPOSAL),)), (str(SERVER), 500)
    )
    made = Conversation(IkeClient(options, PATH), responder)
    made.begin()
    return made
