from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.openvpn.profile_texts import (
    STAND_IN,
    STAND_IN_KEY,
    client_key,
    inline,
    profile,
    static_key,
)
from wgmon_tui.protocols.openvpn.profile import (
    Compression,
    Credentials,
    NameMatch,
    Profile,
    RemoteProto,
    ServerName,
    StaticChallenge,
    WrapperKind,
)
from wgmon_tui.protocols.openvpn.profile_parser import _KNOWN, ProfileError, parse_profile


def parsed(*lines: str, remote: str = "remote vpn.example.net 1194 udp") -> Profile:
    return parse_profile(profile(*lines, remote=remote).encode())


def error_of(text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        parse_profile(text.encode())
    return str(caught.value)


def test_a_plain_profile() -> None:
    found = parsed()
    (remote,) = found.remotes
    assert (remote.host, remote.port, remote.transport) == ("vpn.example.net", 1194, RemoteProto.UDP)
    assert remote.wrapper.kind is WrapperKind.PLAIN
    assert found.ca.strip() == STAND_IN.strip()
    assert found.has_client_certificate
    assert found.notices == ()
    assert found.data_ciphers == ("AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305")


def test_the_repr_has_no_secret() -> None:
    found = parsed(inline("tls-crypt", static_key()), inline("auth-user-pass", "ada\npassword1\n"))
    secret = STAND_IN_KEY.splitlines()[1]
    for shown in (repr(found), repr(found.credentials), repr(found.remotes)):
        assert secret not in shown
        assert "password1" not in shown
        assert "x00\\x01" not in shown


@pytest.mark.parametrize(
    ("remote", "port", "transport", "version"),
    [
        ("remote a", 1194, RemoteProto.UDP, None),
        ("remote a 443 tcp", 443, RemoteProto.TCP, None),
        ("remote a 443 tcp4-client", 443, RemoteProto.TCP, 4),
        ("remote a 443\nproto tcp6", 443, RemoteProto.TCP, 6),
        ("port 1200\nremote a", 1200, RemoteProto.UDP, None),
        ("proto tcp\nremote a 443 udp6", 443, RemoteProto.UDP, 6),
    ],
)
def test_remotes_take_what_the_profile_says_of_all(
    remote: str, port: int, transport: RemoteProto, version: int | None
) -> None:
    (found,) = parsed(remote=remote).remotes
    assert (found.port, found.transport, found.version) == (port, transport, version)


def test_connections_have_their_own_transport_and_wrapper() -> None:
    blocks = (
        "<connection>\nremote a 443 tcp\n</connection>\n"
        f"<connection>\nremote b 1194\nproto udp\n{inline('tls-crypt', static_key())}</connection>"
    )
    first, second = parsed("remote-random", remote=blocks).remotes
    assert (first.host, first.transport, first.wrapper.kind) == ("a", RemoteProto.TCP, WrapperKind.PLAIN)
    assert (second.host, second.transport, second.wrapper.kind) == (
        "b",
        RemoteProto.UDP,
        WrapperKind.TLS_CRYPT,
    )


def test_remotes_beside_connections_are_ignored_with_a_notice() -> None:
    found = parsed(remote="remote c 1\n<connection>\nremote a\n</connection>")
    assert [each.host for each in found.remotes] == ["a"]
    assert found.notices == ("line 3: remote: it is ignored, because the profile has <connection> blocks",)


def test_a_remote_is_found_by_endpoint_and_transport() -> None:
    found = parsed(remote="remote A.example 443 tcp\nremote a.example 443 udp")
    first, second = found.remotes
    assert found.find_remote("a.example", 443) is first
    assert found.find_remote("a.example", 443, RemoteProto.UDP) is second
    assert found.find_remote("a.example", 444) is None


@pytest.mark.parametrize(("line", "direction"), [("key-direction 1", 1), ("key-direction 0", 0), ("", None)])
def test_tls_auth_has_key_direction_and_digest(line: str, direction: int | None) -> None:
    wrapper = parsed(line, "auth sha256", inline("tls-auth", static_key())).remotes[0].wrapper
    assert (wrapper.kind, wrapper.direction, wrapper.digest) == (WrapperKind.TLS_AUTH, direction, "SHA256")
    assert wrapper.key == bytes(range(256))


def test_an_older_way_to_announce_blocks_is_read() -> None:
    announced = ("ca [inline]", "cert [inline]", "tls-auth [inline] 1", "auth-user-pass [inline]")
    found = parsed(*announced, inline("tls-auth", static_key()))
    assert found.ca == STAND_IN
    assert found.remotes[0].wrapper.direction == 1
    assert found.notices == ()


def test_tls_crypt_v2_has_the_wrapped_key_for_the_server() -> None:
    wrapper = parsed(inline("tls-crypt-v2", client_key())).remotes[0].wrapper
    assert (wrapper.kind, wrapper.key) == (WrapperKind.TLS_CRYPT_V2, bytes(range(256)))
    assert wrapper.wrapped_key == bytes(288) + b"\x01\x22"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("verify-x509-name vpn.example.net name", ServerName("vpn.example.net", NameMatch.NAME)),
        ("verify-x509-name vpn- name-prefix", ServerName("vpn-", NameMatch.PREFIX)),
        ('verify-x509-name "C=DE, CN=vpn"', ServerName("C=DE, CN=vpn", NameMatch.SUBJECT)),
    ],
)
def test_the_name_of_the_server(line: str, name: ServerName) -> None:
    assert parsed(line).server_name == name


def test_what_a_check_needs_of_tls_and_the_data_channel() -> None:
    found = parsed(
        "remote-cert-tls server",
        "tls-version-min 1.2 or-highest",
        "data-ciphers AES-128-GCM:?CHACHA20-POLY1305",
        "cipher AES-256-CBC",
        "tun-mtu 1400",
        "keepalive 10 60",
        "server-poll-timeout 4",
        "setenv UV_SITE fra1",
        "setenv opt block-outside-dns",
        "push-peer-info",
        "auth SHA512",
    )
    assert (found.certificate_usage, found.tls_version_min) == ("server", "1.2")
    assert found.data_ciphers == ("AES-128-GCM", "CHACHA20-POLY1305")
    assert (found.cipher, found.auth, found.tun_mtu) == ("AES-256-CBC", "SHA512", 1400)
    assert found.peer_variables == (("UV_SITE", "fra1"),)
    assert found.notices == ()


def test_default_stands_for_the_usual_ciphers() -> None:
    usual = ("AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305")
    assert parsed("data-ciphers DEFAULT:aes-256-cbc").data_ciphers == (*usual, "AES-256-CBC")
    assert parsed("data-ciphers AES-128-GCM:DEFAULT").data_ciphers == (usual[1], usual[0], usual[2])


def test_a_digest_has_an_older_name() -> None:
    assert parsed("auth RSA-SHA256").auth == "SHA256"


@pytest.mark.parametrize(
    ("line", "compression"),
    [
        ("comp-lzo", Compression.LZO),
        ("comp-lzo no", Compression.LZO),
        ("compress", Compression.STUB),
        ("compress lz4", Compression.STUB),
        ("compress stub-v2", Compression.STUB_V2),
        ("compress migrate", Compression.NONE),
    ],
)
def test_compression_directives_name_a_framing(line: str, compression: Compression) -> None:
    assert parsed(line).compression is compression


def test_credentials_stand_in_the_profile_or_are_asked_for() -> None:
    assert parsed("auth-user-pass").needs_credentials
    assert parsed("auth-user-pass").credentials is None
    inside = parsed(inline("auth-user-pass", "ada\r\nenigma"))
    assert inside.credentials == Credentials("ada", "enigma")
    assert parsed(inline("auth-user-pass", "ada")).credentials == Credentials("ada")


def test_a_static_challenge() -> None:
    assert parsed('static-challenge "Code:" 1').challenge == StaticChallenge("Code:", True)
    assert parsed('static-challenge "Code:" 0 concat').challenge == StaticChallenge("Code:", False, True)


def test_a_user_and_a_password_can_stand_for_a_certificate() -> None:
    text = profile("auth-user-pass", with_client=False)
    assert not parse_profile(text.encode()).has_client_certificate


def test_an_unknown_directive_is_a_notice() -> None:
    found = parsed("frobnicate 7", "remot-random")
    assert found.notices == (
        'line 4: unknown directive "frobnicate"; it is ignored',
        'line 5: unknown directive "remot-random"; it is ignored; did you mean "remote-random"?',
    )


def test_directives_that_the_profile_itself_calls_optional_give_no_notice() -> None:
    assert parsed("ignore-unknown-option frobnicate", "frobnicate 7").notices == ()


def test_what_a_client_checks_and_this_one_does_not_is_a_notice() -> None:
    (notice,) = parsed("verify-hash 00:11").notices
    assert notice == "line 4: verify-hash: the hash of the authority's certificate is not compared"


def test_directives_of_a_client_that_change_no_packet_give_no_notice() -> None:
    assert (
        parsed(
            "nobind", "persist-tun", "fast-io", "mssfix 1450", "allow-compression no", "bind-dev eth0"
        ).notices
        == ()
    )


def test_demands_that_a_check_does_not_obey_are_kept() -> None:
    found = parsed("tls-groups secp521r1", "verify-hash 06", "remote-cert-eku 1.2.3", "capath certs")
    assert found.untested == ("tls-groups", "verify-hash", "remote-cert-eku")
    assert parsed("tls-cert-profile suiteb", "remote-cert-ku a0 88").untested == ()


@pytest.mark.parametrize(
    ("line", "usage", "bits"),
    [
        ("remote-cert-tls server", "server", (0,)),
        ('remote-cert-eku "TLS Web Server Authentication"', "server", ()),
        ("remote-cert-eku 1.3.6.1.5.5.7.3.2", "client", ()),
        ("remote-cert-ku a0 0x88", "", (0xA0, 0x88)),
        ("remote-cert-ku", "", (0,)),
    ],
)
def test_the_usage_of_the_servers_certificate(line: str, usage: str, bits: tuple[int, ...]) -> None:
    found = parsed(line)
    assert (found.certificate_usage, found.key_usages) == (usage, bits)


@pytest.mark.parametrize(
    ("version", "has_cipher", "fallback", "tls"),
    [
        ("2.5.0", False, "", ""),
        ("2.4.12", True, "", ""),
        ("2.3.7", True, "AES-256-CBC", ""),
        ("2.3.6", True, "AES-256-CBC", "1.0"),
    ],
)
def test_compat_mode_adds_what_openvpn_adds(version: str, has_cipher: bool, fallback: str, tls: str) -> None:
    found = parsed(f"compat-mode {version}", "cipher AES-256-CBC")
    assert ("AES-256-CBC" in found.data_ciphers) is has_cipher
    assert (found.data_ciphers_fallback, found.tls_version_min) == (fallback, tls)


def test_many_notices_are_counted() -> None:
    notices = parsed(*(f"nothing-{number}" for number in range(30))).notices
    assert notices[-1] == "10 more directives are ignored"
    assert len(notices) == 21


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it names no server; write: remote HOST PORT"),
        ("client\n", "it names no server; write: remote HOST PORT"),
        (profile(remote=""), "it names no server; write: remote HOST PORT"),
        (profile(remote="remote"), "line 3: remote: expected a host; write: remote vpn.example.net 1194"),
        (
            profile(remote="remote a 0"),
            'line 3: remote: expected a number from 1 to 65535, got "0"',
        ),
        (
            profile(remote="remote a 1 sctp"),
            'line 3: remote: expected udp, tcp, udp4, udp6, tcp4 or tcp6 as protocol, got "sctp"',
        ),
        (
            "remote a\ncert x",
            (
                'line 2: cert: the file "x" is not beside the profile; '
                "write its content between <cert> and </cert>"
            ),
        ),
        ("remote a\n", "it has no certificate authority; write it between <ca> and </ca>"),
        (
            profile(with_client=False),
            "it has neither cert and key nor auth-user-pass; nothing proves this client",
        ),
        (
            profile(inline("cert", STAND_IN), with_client=False),
            "it has only one of cert and key; write the other between <key> and </key>",
        ),
        (
            profile("http-proxy proxy 3128"),
            (
                "line 4: http-proxy: a proxy on the way to the server is not supported; "
                "remove it if it is not needed"
            ),
        ),
        (
            profile("secret static.key"),
            (
                "line 4: secret: a profile with a static key has no handshake that could be checked; "
                "use one with certificates"
            ),
        ),
        (
            "server 10.8.0.0 255.255.255.0",
            "line 1: server: this is the configuration of a server; use the profile of a client",
        ),
        (profile(inline("ca", "no pem")), "line 4: ca: expected PEM: lines from -----BEGIN to -----END"),
        (
            profile(inline("tls-auth", static_key(bytes(255)))),
            "line 4: tls-auth: expected a static key of 256 bytes, got 255",
        ),
        (
            profile(inline("tls-crypt", "nothing")),
            (
                'line 4: tls-crypt: expected a static key: lines from "-----BEGIN OpenVPN Static key V1-----"'
                ' to "-----END OpenVPN Static key V1-----"'
            ),
        ),
        (
            profile(inline("tls-crypt-v2", client_key(wrapped=b""))),
            "line 4: tls-crypt-v2: the client key is cut off, or is not one of tls-crypt-v2",
        ),
        (
            profile(inline("tls-auth", static_key()), inline("tls-crypt", static_key())),
            "line 28: tls-crypt: line 4 has tls-auth; only one of them can be meant",
        ),
        (
            profile("compress zip"),
            'line 4: compress: expected one of stub, lz4, lzo, stub-v2, lz4-v2, migrate, got "zip"',
        ),
        (
            profile("remote-cert-tls client"),
            (
                'line 4: remote-cert-tls: expected "server" in the profile of a '
                "client; write: remote-cert-tls server"
            ),
        ),
    ],
)
def test_bad_input_is_one_line_with_place_and_remedy(text: str, message: str) -> None:
    assert error_of(text) == message


def test_a_secret_value_is_not_in_a_message() -> None:
    message = error_of(profile(inline("tls-crypt", static_key().replace("00010203", "zz010203"))))
    assert message == "line 4: tls-crypt: expected only hexadecimal digits in the static key"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_and_line_ends_of_windows(encoding: str) -> None:
    text = profile().replace("\n", "\r\n")
    assert parse_profile(text.encode(encoding)).remotes[0].host == "vpn.example.net"


def test_a_binary_file_is_refused() -> None:
    with pytest.raises(ProfileError, match=r"expected a \.ovpn file, which is text"):
        parse_profile(b"\x7fELF\0\0")


_LINES = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.tuples(st.sampled_from(_KNOWN), st.text(max_size=20)).map(" ".join),
        st.tuples(st.sampled_from(_KNOWN), st.text(max_size=40)).map(lambda each: inline(*each)),
        st.sampled_from(profile().split("\n")),
    ),
    max_size=20,
).map("\n".join)


@given(st.one_of(_LINES, _LINES.map(lambda lines: profile(lines))))
def test_no_profile_raises_anything_else(text: str) -> None:
    with suppress(ProfileError):
        parse_profile(text.encode("utf-8", "surrogatepass"))


@given(st.binary())
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    with suppress(ProfileError):
        parse_profile(content)
