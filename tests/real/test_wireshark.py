"""Tests of an exchange between prober and lab with Wireshark's independent WireGuard dissector."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from tests.lab.echo_packets import echo_request_v4, echo_request_v6
from tests.parameters import default_run
from tests.real.capture import write_pcap
from tests.real.namespaces import run
from tests.real.prerequisites import require
from wgmon_tui.checks import tai64n
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey
from wgmon_tui.lab.inner_packets import echo_reply, parse
from wgmon_tui.protocols.wireguard.cookie import CookieJar
from wgmon_tui.protocols.wireguard.handshake import Initiator, Responder

US = (IPv4Address("192.0.2.1"), 40000)
SERVER = (IPv4Address("192.0.2.2"), 51820)
UNIX_NS = 1_700_000_000_123_456_789
PSK = PresharedKey(b"a".ljust(32))


def _answered(request: bytes) -> bytes:
    packet = parse(request)
    reply = echo_reply(packet) if packet else None
    assert reply is not None
    return reply


class Exchange:
    """A complete exchange, and the keys to decrypt it."""

    def __init__(self, psk: PresharedKey) -> None:
        ours, servers = PrivateKey.generate(), PrivateKey.generate()
        one_time = [PrivateKey.generate() for _ in range(2)]
        self.ours, self.servers = ours.public, servers.public
        initiator, responder = Initiator(ours, servers.public, psk), Responder(servers)

        first = initiator.initiate(1, tai64n.encode(UNIX_NS), ephemeral=one_time[0].raw)
        cookie_reply = CookieJar(servers.public).reply(first.packet, b"192.0.2.1:40000", 0.0)
        cookie = first.open_cookie(cookie_reply)
        second = initiator.initiate(2, tai64n.encode(UNIX_NS + 1), cookie, one_time[1].raw)
        response, answering = responder.respond(responder.open(second.packet), 77, psk)
        session = second.complete(response)

        self.packets = [
            (US, SERVER, first.packet),
            (SERVER, US, cookie_reply),
            (US, SERVER, second.packet),
            (SERVER, US, response),
            (US, SERVER, session.keepalive()),
            (SERVER, US, answering.seal(_answered(echo_request_v4("10.8.0.2", "10.8.0.1")))),
            (SERVER, US, answering.seal(_answered(echo_request_v6("fd00::2", "fd00::1")))),
            (SERVER, US, answering.keepalive()),
        ]
        self.key_log = "".join(
            f"LOCAL_STATIC_PRIVATE_KEY = {ours.to_text()}\n"
            f"REMOTE_STATIC_PUBLIC_KEY = {servers.public}\n"
            f"LOCAL_EPHEMERAL_PRIVATE_KEY = {key.to_text()}\n"
            f"PRESHARED_KEY = {psk.to_text()}\n"
            for key in one_time
        )


def dissected(directory: Path, exchange: Exchange, *fields: str) -> list[tuple[str, ...]]:
    """The field values from tshark, one tuple per packet; an absent field is empty."""
    require("tshark")
    capture, key_log = directory / "exchange.pcap", directory / "keys.log"
    write_pcap(capture, exchange.packets)
    key_log.write_text(exchange.key_log)
    wanted = [part for field in fields for part in ("-e", field)]
    reading = ["-r", str(capture), "-d", f"udp.port=={SERVER[1]},wg", "-o", f"wg.keylog_file:{key_log}"]
    return [tuple(line.split("\t")) for line in run("tshark", *reading, "-T", "fields", *wanted).splitlines()]


@pytest.fixture(
    params=default_run([PSK], [NO_PRESHARED_KEY, PSK]), ids=["no preshared key", "a preshared key"]
)
def exchange(request: pytest.FixtureRequest) -> Exchange:
    return Exchange(request.param)


def test_no_packet_gives_cause_for_complaint(tmp_path: Path, exchange: Exchange) -> None:
    rows = dissected(tmp_path, exchange, "wg.type", "_ws.malformed", "_ws.expert.message")
    assert "".join(row[0] for row in rows) == "13124444"
    assert {row[1] for row in rows} == {""}
    assert {row[2] for row in rows} == {"", "This is a Keepalive message"}


def test_with_the_keys_the_initiations_tell_who_knocks_and_when(tmp_path: Path, exchange: Exchange) -> None:
    rows = dissected(
        tmp_path, exchange, "wg.static", "wg.receiver_pubkey", "wg.timestamp.nanoseconds", "wg.handshake_ok"
    )
    ours, servers = str(exchange.ours), str(exchange.servers)
    assert rows[0] == (ours, servers, "123456789", "")
    assert rows[2] == (ours, servers, "123456790", "")


def test_with_the_keys_the_handshake_verifies(tmp_path: Path, exchange: Exchange) -> None:
    rows = dissected(tmp_path, exchange, "wg.response_to", "wg.handshake_ok")
    assert rows[3] in {("3", "1"), ("3", "True")}  # Wireshark 4.4 and later write a word


def test_with_the_keys_the_data_reads_as_the_echo_replies_of_the_lab(
    tmp_path: Path, exchange: Exchange
) -> None:
    rows = dissected(tmp_path, exchange, "icmp.type", "icmp.checksum.status", "icmpv6.type", "ipv6.dst")
    good_checksum = "1"
    assert rows[5] == ("0", good_checksum, "", "")
    assert rows[6] == ("", "", "129", "fd00::2")
