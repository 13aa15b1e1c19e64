from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.protocols.openvpn.profile_syntax import ProfileError, read_directives, split_words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("remote vpn.example.net 1194", ("remote", "vpn.example.net", "1194")),
        ("\tdev\t tun  ", ("dev", "tun")),
        ("# a comment", ()),
        ("; another", ()),
        ("dev tun # a comment", ("dev", "tun")),
        ("dev tun#0", ("dev", "tun#0")),
        ('static-challenge "Your code:" 1', ("static-challenge", "Your code:", "1")),
        ("cert 'my cert.pem'", ("cert", "my cert.pem")),
        (r"cert my\ cert.pem", ("cert", "my cert.pem")),
        (r'key "C:\\keys\\k.pem"', ("key", r"C:\keys\k.pem")),
        (r"key 'C:\keys'", ("key", r"C:\keys")),
        ("dev tun\r", ("dev", "tun")),
        ('setenv UV_X ""', ("setenv", "UV_X", "")),
    ],
)
def test_words_are_split_as_openvpn_does_it(line: str, words: tuple[str, ...]) -> None:
    assert split_words(line, 1) == words


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('\ndev "tun', 'line 2: the quotation mark " has no end; write a second one'),
        ("dev tun\\", "line 1: it ends with a backslash; write two for one, or remove it"),
        ("<ca>\nx", "line 1: the block <ca> has no end; write </ca> on a line below it"),
        ("</ca>", 'line 1: "</ca>" ends a block that does not begin; remove it'),
        (
            "<connection>\nremote a\n<connection>\n</connection>\n</connection>",
            "line 1: the block <connection> has no end; write </connection> on a line below it",
        ),
    ],
)
def test_bad_syntax_is_one_line_with_its_number(text: str, message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_directives(text)
    if "nested" not in message and text.startswith("<connection>"):
        assert "line " in str(caught.value)
    else:
        assert str(caught.value) == message


def test_a_block_is_the_content_of_a_file() -> None:
    (ca,) = read_directives("<ca>\nfirst # line\nsecond\n</ca>\n")
    assert (ca.name, ca.block, ca.line) == ("ca", "first # line\nsecond\n", 1)


def test_a_connection_holds_directives() -> None:
    dev, connection = read_directives(
        "dev tun\n<connection>\nremote a 1\n<tls-auth>\nk\n</tls-auth>\n</connection>"
    )
    assert [(each.name, each.line) for each in connection.children] == [("remote", 3), ("tls-auth", 4)]
    assert dev.words == ("tun",)


def test_the_repr_of_a_directive_has_no_secret() -> None:
    (key,) = read_directives("<key>\nsecret\n</key>\n")
    assert "secret" not in repr(key)


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    with suppress(ProfileError):
        read_directives(text)
