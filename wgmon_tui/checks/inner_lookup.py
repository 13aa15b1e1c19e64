"""Look-ups of names by the name servers inside a tunnel."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from wgmon_tui.checks.inner_probes import OwnAddresses, ephemeral_port
from wgmon_tui.net.addresses import Address, NameServer
from wgmon_tui.net.dns_answers import AAAA, A, parse_address_answer
from wgmon_tui.net.inner_packets import Unwrapped, dns_query

_ATTEMPTS_AT = (0.0, 1.0, 2.5)
"""Seconds after the start at which a query is sent, as long as there is no answer."""

_GIVE_UP_S = 4.0
_DNS_PORT = 53
_RECORD_TYPES = {4: A, 6: AAAA}


class LookupFailedError(Exception):
    """A name without an address. The message is a phrase."""


class InnerLookup:
    """Asks all name servers for the addresses of names, in the IP versions of this machine's addresses."""

    def __init__(
        self, servers: Sequence[NameServer], own: OwnAddresses, send: Callable[[bytes], None]
    ) -> None:
        self._servers = [each.address for each in servers if each.address.version in own]
        self._own, self._send = own, send
        self._names: dict[str, _Name] = {}

    def ask(self, name: str, now: float) -> None:
        """Begin the look-up of a name."""
        self._names[name] = _Name(now)
        self.tick(now)

    def is_over(self) -> bool:
        """Whether every name is known, or given up."""
        return not self._servers or all(each.took is not None for each in self._names.values())

    def tick(self, now: float) -> float:
        """Send what is due, and return when to call again."""
        for name, state in self._names.items():
            while state.took is None and state.attempts < len(_ATTEMPTS_AT):
                if now < state.began + _ATTEMPTS_AT[state.attempts]:
                    break
                state.attempts += 1
                self._send_queries(name, state)
            if state.took is None and now >= state.began + _GIVE_UP_S:
                state.took = now - state.began
        return now + 0.25

    def receive(self, packet: Unwrapped, now: float) -> bool:
        """Take a UDP packet; returns whether it answers a query of a look-up."""
        answer = parse_address_answer(packet.payload[8:])
        if answer is None or packet.payload[:2] != _DNS_PORT.to_bytes(2, "big"):
            return False
        query = (packet.source, int.from_bytes(packet.payload[2:4], "big"), answer.transaction)
        for state in self._names.values():
            if query in state.open_queries:
                state.open_queries.remove(query)
                state.rcodes.append(answer.rcode)
                state.addresses += [each for each in answer.addresses if each.version in self._own]
                if state.took is None and (state.addresses or not state.open_queries):
                    state.took = now - state.began
                return True
        return False

    def address(self, name: str) -> Address:
        """The first address of a name. Raises LookupFailedError."""
        state = self._names[name]
        if state.addresses:
            return state.addresses[0]
        if not self._servers:
            raise LookupFailedError("no tunnel_dns server has an address of this identity's IP version")
        if not state.rcodes:
            raise LookupFailedError("no name server answers")
        raise LookupFailedError("the name does not exist" if 3 in state.rcodes else "it has no address")

    def took(self, name: str) -> float | None:
        """How long the look-up of a name took in seconds; None for a name that was not looked up."""
        return self._names[name].took if name in self._names else None

    def _send_queries(self, name: str, state: _Name) -> None:
        for server in self._servers:
            for version in self._own:
                port, transaction = ephemeral_port(), secrets.randbits(16)
                state.open_queries.add((server, port, transaction))
                source = self._own[server.version]
                self._send(dns_query(source, server, port, transaction, name, _RECORD_TYPES[version]))


class _Name:
    """The look-up of one name."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.attempts = 0
        self.open_queries: set[tuple[Address, int, int]] = set()
        self.addresses: list[Address] = []
        self.rcodes: list[int] = []
        self.took: float | None = None
