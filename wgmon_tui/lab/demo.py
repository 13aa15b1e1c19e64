"""A believable fleet on loopback: sixteen servers, most of them well, and every way to be broken.

Some fail and recover while one watches. What the names promise (a region, a round trip to it) the servers
keep; keys are new in every run.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_interface

from wgmon_tui.fleet.records import Fleet, Identity, Interface, SecretForm, SecretSource, Server
from wgmon_tui.lab.records import Behaviour, Mode, Peer, Setup, Step
from wgmon_tui.lab.server import LabServer
from wgmon_tui.wireguard.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey

_IDENTITY = "bastion"
_ADDRESSES = (ip_interface("10.8.0.250/32"), ip_interface("fd00::250/128"))
_OLD_IDENTITY = "nagios-old"
_OLD_ADDRESSES = (ip_interface("10.8.0.240/32"), ip_interface("fd00::240/128"))
_INNER = (IPv4Address("10.8.0.1"), IPv6Address("fd00::1"))
_INTERVAL_S = 2.0
_TIMEOUT_S = 1.5


@dataclass(frozen=True, slots=True)
class Character:
    """A server of the demo: its name, how it behaves, and what its operators wrote about it."""

    name: str
    behaviour: Behaviour
    tags: tuple[str, ...]
    preshared: bool = False
    rotation_known: bool = False
    """Whether the file already lists the server's next key among `known_keys`."""
    knows_old_identity: bool = False
    """Whether the server still lists the key that was used for monitoring before, which we may try."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Guest:
    """Who checks the demo's servers from elsewhere, with a key of its own; some may not know that key."""

    public_key: PublicKey
    addresses: tuple[Interface, ...]
    unknown_to: tuple[str, ...] = ()


def _far(milliseconds: float, *script: Step, mode: Mode = Mode.HEALTHY) -> Behaviour:
    """A server that far away, with a jitter of a twentieth.

    Where it drops packets it drops so many that checks are lost in spite of their retransmission.
    """
    latency_s = milliseconds / 1000
    return Behaviour(mode, latency=latency_s, jitter=latency_s / 20, loss=0.6, script=script)


def _well_but(healthy_s: float, fault_s: float, fault: Mode) -> tuple[Step, Step]:
    return Step(healthy_s, Mode.HEALTHY), Step(fault_s, fault)


CAST = (
    Character("fra1-edge", _far(11), ("eu", "edge"), preshared=True),
    Character("fra2-edge", _far(12), ("eu", "edge"), preshared=True),
    Character("ams3-gw", _far(4), ("eu", "gateway")),
    Character("lon1-gw", _far(17, *_well_but(45, 14, Mode.CLOSED)), ("eu", "gateway")),
    Character("waw1-branch", _far(26, mode=Mode.WRONG_PSK), ("eu", "branch"), preshared=True),
    Character(
        "mad1-branch",
        _far(31, mode=Mode.ROTATED_KEY),
        ("eu", "branch"),
        rotation_known=True,
        note="new server key from the 1st on",
    ),
    Character("sto1-office", _far(24, mode=Mode.UNKNOWN_PEER), ("eu", "office"), knows_old_identity=True),
    Character("nyc3-gw", _far(84), ("us", "gateway"), preshared=True),
    Character("tor1-edge", _far(96, *_well_but(30, 20, Mode.UNDER_LOAD)), ("us", "edge")),
    Character("sfo2-gw", _far(147, *_well_but(38, 16, Mode.SLOW)), ("us", "gateway")),
    Character("gru1-relay", _far(198), ("sa", "relay")),
    Character("blr1-core", _far(128, *_well_but(24, 18, Mode.SILENT)), ("ap", "core")),
    Character("sin2-relay", _far(171), ("ap", "relay"), preshared=True),
    Character("syd1-relay", _far(238, *_well_but(30, 60, Mode.LOSSY)), ("ap", "relay")),
    Character("mum1-relay", _far(121, mode=Mode.DATA_DROPPED), ("ap", "relay")),
    Character("jnb1-edge", _far(162, mode=Mode.NOT_WIREGUARD), ("af", "edge")),
)
"""Who is in the demo. Six are always well, five are well at first and fail now and then, five stay broken."""


class Demo:
    """The servers of the demo, and the fleet that watches them.

    Their ports are bound when the object is made, so `fleet` is whole before `start`; `stop` must be called
    in any case. `guests` are let in beside the fleet's own identity, with the same preshared keys. Raises
    OSError where loopback gives no port.
    """

    def __init__(self, cast: tuple[Character, ...] = CAST, guests: tuple[Guest, ...] = ()) -> None:
        self._guests = guests
        self.private_keys = {name: PrivateKey.generate() for name in (_IDENTITY, _OLD_IDENTITY)}
        self.preshared_keys: dict[str, PresharedKey] = {
            character.name: PresharedKey(PrivateKey.generate().raw)
            for character in cast
            if character.preshared
        }
        self.servers: dict[str, LabServer] = {}
        """By name, for who wants one to fail now."""
        watched = []
        for character in cast:
            setup = self._setup(character)
            server = LabServer(setup, character.behaviour)
            self.servers[character.name] = server
            watched.append(self._watched(character, setup, server))
        self.fleet = Fleet(
            servers=tuple(watched),
            identities=(
                Identity(_IDENTITY, _inline(self.private_keys[_IDENTITY]), _ADDRESSES),
                Identity(_OLD_IDENTITY, _inline(self.private_keys[_OLD_IDENTITY]), _OLD_ADDRESSES),
            ),
        )

    async def start(self) -> None:
        """Begin to answer, and to fail by script."""
        for server in self.servers.values():
            await server.start()

    async def stop(self) -> None:
        """Stop answering and give the ports back."""
        for server in self.servers.values():
            await server.stop()

    def _setup(self, character: Character) -> Setup:
        peer = self._peer(character, self.private_keys[_IDENTITY].public, _ADDRESSES)
        old = self._peer(character, self.private_keys[_OLD_IDENTITY].public, _OLD_ADDRESSES)
        guests = (
            self._peer(character, guest.public_key, guest.addresses)
            for guest in self._guests
            if character.name not in guest.unknown_to
        )
        return Setup(
            PrivateKey.generate(),
            (peer, *guests),
            _INNER,
            rotated_to=PrivateKey.generate(),
            left=(old,) if character.knows_old_identity else (),
        )

    def _peer(self, character: Character, key: PublicKey, addresses: tuple[Interface, ...]) -> Peer:
        return Peer(
            key,
            tuple(address.network for address in addresses),
            self.preshared_keys.get(character.name, NO_PRESHARED_KEY),
        )

    def _watched(self, character: Character, setup: Setup, server: LabServer) -> Server:
        preshared = self.preshared_keys.get(character.name)
        rotated = setup.rotated_to
        return Server(
            name=character.name,
            endpoint=server.endpoint,
            public_key=server.public_key,
            identity=_IDENTITY,
            known_keys=(rotated.public,) if rotated and character.rotation_known else (),
            preshared_key=_inline(preshared) if preshared else None,
            tunnel_ping=_INNER,
            try_identities=character.knows_old_identity,
            tags=character.tags,
            interval=_INTERVAL_S,
            timeout=_TIMEOUT_S,
            note=character.note,
        )


def _inline(key: PrivateKey | PresharedKey) -> SecretSource:
    return SecretSource(SecretForm.INLINE, key.to_text())
