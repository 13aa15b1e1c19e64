"""AmneziaWG in front of a wireguard-go that knows none: a relay takes the framing off, and puts it on."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import AbstractContextManager, suppress

from tests.real.namespaces import entered
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.amneziawg.parameters import Parameters
from wgmon_tui.protocols.wireguard.cookie import Mac1
from wgmon_tui.protocols.wireguard.wire import MAC_LENGTH, MessageType, message_type

_MACS = 2 * MAC_LENGTH


class FramedWireguardGo:
    """A server for one peer. What is behind the relay is wireguard-go with the kernel's own TCP."""

    def __init__(self, behind: WireguardGo, parameters: Parameters, protection_key: PresharedKey) -> None:
        self._behind = behind
        self.public_key = behind.public_key
        self._peer = behind.new_peer()
        key = protection_key.raw
        self._to_server = AmneziaFraming(parameters, behind.public_key, key, lambda: 0.0)
        self._mac1_of_peer = Mac1(self._peer.public)
        with entered(behind.path.server):
            self._front, self._back = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
            self._front.bind(("0.0.0.0", 0))
            self._back.connect(("127.0.0.1", behind.endpoint(4)[1]))
        self._wake, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def endpoint(self, version: int) -> tuple[Address, int]:
        return self._behind.endpoint(version)[0], self._front.getsockname()[1]

    def vantage(self) -> AbstractContextManager[None]:
        return self._behind.vantage()

    def new_peer(self, psk: PresharedKey | None = None) -> PrivateKey:
        """The key of the only peer."""
        del psk
        return self._peer

    def stop(self) -> None:
        self._wake.send(b"\0")
        self._thread.join()
        for each in (self._front, self._back, self._wake, self._end):
            each.close()

    def _run(self) -> None:
        client: tuple[str, int] | None = None
        with selectors.DefaultSelector() as selector:
            for each in (self._front, self._back, self._end):
                selector.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._end:
                        return
                    with suppress(ConnectionError):
                        if key.fileobj is self._front:
                            datagram, client = self._front.recvfrom(65535)
                            if message := self._to_server.unframe(datagram):
                                self._back.send(message)
                        elif client:
                            self._front.sendto(self._frame(self._back.recv(65535)), client)

    def _frame(self, message: bytes) -> bytes:
        kind = message_type(message)
        assert kind
        if kind in (MessageType.INITIATION, MessageType.RESPONSE):
            headed = self._to_server.header(kind) + message[4:-_MACS]
            message = headed + self._mac1_of_peer.compute(headed) + message[-MAC_LENGTH:]
        return self._to_server.frame(kind, message)
