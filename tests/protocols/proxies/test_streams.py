"""The streams of the proxy protocols, without sockets."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.protocols.proxies.destinations import Destination, skip_socks_address
from wgmon_tui.protocols.proxies.grpc_layer import GrpcLayer
from wgmon_tui.protocols.proxies.shadowsocks.datagrams import make_datagrams
from wgmon_tui.protocols.proxies.shadowsocks.methods import METHODS, InvalidPasswordError
from wgmon_tui.protocols.proxies.shadowsocks.stream import ShadowsocksStream
from wgmon_tui.protocols.proxies.stream_layers import StreamLayer, StreamLayerError, StreamStack
from wgmon_tui.protocols.proxies.trojan.stream import TrojanStream
from wgmon_tui.protocols.proxies.vless.stream import VlessStream
from wgmon_tui.protocols.proxies.vmess.keys import derive
from wgmon_tui.protocols.proxies.vmess.stream import SECURITIES, VmessStream
from wgmon_tui.protocols.proxies.websocket_layer import UpgradeLayer, WebSocketLayer

USER = UUID("b831381d-6324-4d53-ad4f-8cda48b30811")
DESTINATION = Destination("example.net", 80)
KEYS = {name: base64.b64encode(bytes(each.key_length)).decode() for name, each in METHODS.items()}


def password_of(name: str) -> str:
    return KEYS[name] if METHODS[name].is_2022 else "secret"


def shadowsocks(name: str) -> ShadowsocksStream:
    return ShadowsocksStream(METHODS[name], password_of(name), DESTINATION, unix_time=lambda: 1e9)


def vmess(name: str) -> VmessStream:
    return VmessStream(USER, SECURITIES[name], DESTINATION, unix_time=lambda: 1e9)


MAKERS: dict[str, Callable[[], StreamLayer]] = {
    **{f"shadowsocks {name}": lambda name=name: shadowsocks(name) for name in METHODS},  # type: ignore[misc]
    **{f"vmess {name}": lambda name=name: vmess(name) for name in SECURITIES},  # type: ignore[misc]
    "vless": lambda: VlessStream(USER, DESTINATION),
    "trojan": lambda: TrojanStream("secret", DESTINATION),
    "websocket": lambda: WebSocketLayer("/", "example.net"),
    "grpc": lambda: GrpcLayer("service", "example.net", is_tls=True),
    "http-upgrade": lambda: UpgradeLayer("/", "example.net"),
}


@pytest.mark.parametrize("name", MAKERS)
@given(chunks=st.lists(st.binary(max_size=400), max_size=4), is_http=st.booleans())
def test_random_bytes_prove_nothing_and_raise_one_error(
    name: str, chunks: list[bytes], is_http: bool
) -> None:
    layer = MAKERS[name]()
    stack = StreamStack([layer])
    stack.begin()
    stack.send(b"GET / HTTP/1.1\r\n\r\n")
    if is_http:
        chunks = [b"HTTP/1.1 101 Switching Protocols\r\n\r\n", *chunks]
    try:
        for chunk in chunks:
            stack.receive(chunk)
    except StreamLayerError:
        pass
    assert not stack.is_proven


def seal_response(stream_key: bytes, salt: bytes, data: bytes) -> bytes:
    aead = AESGCM(METHODS["aes-256-gcm"].session_key(stream_key, salt))
    sealed = aead.encrypt(bytes(12), len(data).to_bytes(2, "big"), None)
    return salt + sealed + aead.encrypt((1).to_bytes(12, "little"), data, None)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_shadowsocks_answer_is_read_however_it_is_cut(step: int) -> None:
    stream = shadowsocks("aes-256-gcm")
    key = METHODS["aes-256-gcm"].keys("secret")[0]
    answer = seal_response(key, bytes(range(32)), b"hello there")
    data = b"".join(stream.unwrap(answer[start : start + step]).data for start in range(0, len(answer), step))
    assert data == b"hello there"
    assert stream.is_proven


def test_a_shadowsocks_answer_under_another_key_proves_nothing() -> None:
    stream = shadowsocks("aes-256-gcm")
    key = METHODS["aes-256-gcm"].keys("other")[0]
    with pytest.raises(StreamLayerError, match="does not decrypt") as raised:
        stream.unwrap(seal_response(key, bytes(32), b"hello"))
    assert raised.value.fault == "not-authentic"
    assert not stream.is_proven


def test_a_request_of_2022_begins_with_its_salt_and_carries_the_time() -> None:
    stream = shadowsocks("2022-blake3-aes-256-gcm")
    sent = stream.wrap(b"hi")
    aead = AESGCM(METHODS["2022-blake3-aes-256-gcm"].session_key(bytes(32), sent[:32]))
    header = aead.decrypt(bytes(12), sent[32 : 32 + 11 + 16], None)
    assert header[0] == 0
    assert int.from_bytes(header[1:9], "big") == 10**9


@pytest.mark.parametrize("password", ["not base64!", base64.b64encode(bytes(16)).decode()])
def test_a_password_that_is_no_key_of_2022_is_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(InvalidPasswordError) as raised:
        METHODS["2022-blake3-aes-256-gcm"].keys(password)
    assert password not in str(raised.value)


def test_the_keys_of_vmess_are_those_of_v2ray() -> None:
    """From kdf_test.go of v2ray-core."""
    paths = [b"Demo Path for KDF Value Test" + suffix for suffix in (b"", b"2", b"3")]
    derived = derive(b"Demo Key for KDF Value Test", *paths)
    assert derived.hex() == "53e9d7e1bd7bd25022b71ead07d8a596efc8a845c7888652fd684b4903dc8892"


def test_a_trojan_request_is_the_hash_of_the_password_and_the_address() -> None:
    sent = TrojanStream("secret", DESTINATION).wrap(b"GET")
    digest = hashlib.sha224(b"secret").hexdigest().encode()
    assert sent == digest + b"\r\n\x01\x03\x0bexample.net\x00\x50\r\nGET"


def test_a_vless_request_and_its_response() -> None:
    stream = VlessStream(USER, Destination("192.0.2.1", 443))
    assert stream.wrap(b"x") == b"\0" + USER.bytes + b"\0\x01\x01\xbb\x01\xc0\x00\x02\x01x"
    assert stream.wrap(b"y") == b"y"
    assert stream.unwrap(b"\0").data == b""
    assert stream.unwrap(b"\x02abdata").data == b"data"
    assert stream.unwrap(b"more").data == b"more"


def test_a_stack_sends_nothing_of_the_proxy_before_the_upgrade_is_accepted() -> None:
    layer = UpgradeLayer("/path", "example.net")
    stack = StreamStack([layer, TrojanStream("secret", DESTINATION)])
    sent = stack.begin() + stack.send(b"GET")
    assert sent.startswith(b"GET /path HTTP/1.1\r\n")
    assert hashlib.sha224(b"secret").hexdigest().encode() not in sent
    assert stack.opened == []
    output = stack.receive(b"HTTP/1.1 101 Switching Protocols\r\n\r\nearly")
    assert output.reply.startswith(hashlib.sha224(b"secret").hexdigest().encode())
    assert output.data == b"early"
    assert stack.opened == ["http-upgrade", "trojan"]


def test_data_before_the_end_of_a_call_is_passed_on() -> None:
    layer = GrpcLayer("service", "example.net", is_tls=True)
    layer.open()
    message = b"\0\0\0\0\x07\x0a\x05hello"
    headers, trailers = b"\0\0\x01\x01\x04\0\0\0\x01\x88", b"\0\0\x01\x01\x05\0\0\0\x01\x88"
    output = layer.unwrap(headers + b"\0\0\x0c\0\0\0\0\0\x01" + message + trailers)
    assert output.data == b"hello"
    assert output.reply, "the window grows again"
    with pytest.raises(StreamLayerError, match="ends the call"):
        layer.unwrap(b"")


def test_a_service_that_is_not_there_names_the_status() -> None:
    layer = GrpcLayer("service", "example.net", is_tls=True)
    with pytest.raises(StreamLayerError, match="the server answers 404"):
        layer.unwrap(b"\0\0\x01\x01\x05\0\0\0\x01\x8d")


def test_an_upgrade_that_is_refused_names_the_status() -> None:
    with pytest.raises(StreamLayerError, match="the server answers 404, expected 101"):
        UpgradeLayer("/", "example.net").unwrap(b"HTTP/1.1 404 Not Found\r\n\r\n")


@given(st.binary(max_size=40))
def test_an_address_is_skipped_whole_or_not_at_all(data: bytes) -> None:
    length = skip_socks_address(data)
    assert length is None or 7 <= length <= len(data) or data[0] == 3


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda data: b"\x16\x03\x01\x00\x05" + data))
def test_the_fields_of_any_bytes_have_no_gaps(data: bytes) -> None:
    protocol = find_protocol("trojan")
    assert protocol.label_of(data)
    assert sum(each.length for each in protocol.fields_of(data)) == len(data)


@given(st.binary(max_size=120), st.sampled_from(sorted(METHODS)))
def test_a_random_datagram_is_refused(data: bytes, name: str) -> None:
    relay = make_datagrams(METHODS[name], password_of(name), DESTINATION, lambda: 1e9)
    with pytest.raises(StreamLayerError):
        relay.unpack(data)
