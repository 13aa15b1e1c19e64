"""Key method 2, and the keys that follow from it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.openvpn import vectors
from tests.protocols.openvpn.certificates import Authority
from tests.protocols.openvpn.memory_tls import MemoryTls, server_context
from wgmon_tui.protocols.openvpn.key_exchange import (
    CLIENT_RANDOM_LENGTH,
    KeySource,
    build_client_message,
    derive_from_sources,
    parse_server_message,
    tls1_prf,
)
from wgmon_tui.protocols.openvpn.tls_context import readable_path
from wgmon_tui.protocols.openvpn.tls_exporter import TlsSecrets
from wgmon_tui.protocols.openvpn.wire import MalformedError

SERVER_MESSAGE = bytes(4) + b"\x02" + bytes(range(64)) + b"\x00\x0bV4,dev tun\x00" + bytes(6)


def test_the_prf_is_that_of_openvpn() -> None:
    assert tls1_prf(vectors.PRF_SECRET, vectors.PRF_SEED, 32) == vectors.PRF_OUTPUT


def test_the_answer_of_a_server_has_its_random_bytes_and_options() -> None:
    message = parse_server_message(SERVER_MESSAGE)

    assert message is not None
    assert message.source.random1 + message.source.random2 == bytes(range(64))
    assert message.options == "V4,dev tun"


def test_an_answer_that_is_not_whole_waits_for_the_rest() -> None:
    whole = SERVER_MESSAGE[:-6]

    assert [parse_server_message(whole[:length]) for length in range(len(whole))] == [None] * len(whole)


def test_another_key_method_is_refused() -> None:
    with pytest.raises(MalformedError, match="key method"):
        parse_server_message(bytes(4) + b"\x01" + bytes(100))


@given(st.binary(max_size=120))
def test_a_random_answer_raises_nothing_else(data: bytes) -> None:
    try:
        parse_server_message(data)
    except MalformedError:
        assert data[4] & 15 != 2


def test_an_empty_text_has_no_null_byte_and_another_one_counts_it() -> None:
    message = build_client_message(
        KeySource.of_client(bytes(CLIENT_RANDOM_LENGTH)), "V4", "", "pw", "IV_VER=1\n"
    )

    assert (
        message[4 + 1 + CLIENT_RANDOM_LENGTH :]
        == b"\0\x03V4\0" + b"\0\0" + b"\0\x03pw\0" + b"\0\x0aIV_VER=1\n\0"
    )


def test_each_side_and_each_session_changes_the_keys() -> None:
    client, server = KeySource.of_client(bytes(range(112))), KeySource(b"", bytes(32), bytes(32))
    other = KeySource(b"", bytes(32), b"\1" + bytes(31))

    keys = {
        derive_from_sources(client, server, b"client01", b"server01"),
        derive_from_sources(client, other, b"client01", b"server01"),
        derive_from_sources(client, server, b"client02", b"server01"),
        derive_from_sources(client, server, b"client01", b"server02"),
    }

    assert len(keys) == 4
    assert {len(each) for each in keys} == {256}


def test_random_bytes_and_keys_do_not_show_in_a_repr() -> None:
    assert "\\x01\\x02" not in repr(KeySource.of_client(bytes(range(112))))
    assert "12345" not in repr(TlsSecrets({"EXPORTER_SECRET": b"12345"}, b""))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_sides_of_a_connection_export_the_same_keys(version: ssl.TLSVersion) -> None:
    """OpenSSL itself has the answer: the finished tests in tests/real compare it with a real server."""
    with readable_path() as client_log, readable_path() as server_log:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        client.maximum_version = client.minimum_version = version
        client.keylog_filename = client_log
        server = server_context(Authority().issue("server", "server"))
        server.keylog_filename = server_log
        tls = MemoryTls(client, server)
        tls.shake_hands()
        exported = {
            TlsSecrets.parse(log).export(b"EXPORTER-x", 256, server_random=tls.server_random, digest="sha384")
            for log in (Path(client_log).read_text(), Path(server_log).read_text())
        }

    assert len(exported) == 1
    assert len(exported.pop() or b"") == 256
