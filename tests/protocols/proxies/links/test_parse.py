"""Links of all kinds: what is written is read again, and damage raises one type of error without secrets."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parameters import examples
from tests.protocols.proxies.links.samples import LINKS, USER_ID, base64_of, vmess_json
from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError
from wgmon_tui.protocols.proxies.links.parse import SCHEMES, parse_link, write_link
from wgmon_tui.protocols.proxies.links.records import AnyLink, VlessLink, VmessLink

_PARTS = [
    "SECRET",
    ":",
    "@",
    "[::1]:443",
    "h.example:443",
    "?",
    "#",
    "%",
    "%zz",
    "%ff",
    "&",
    "=",
    "/",
    "security=",
    "reality",
    "pbk=",
    "sid=zz",
    "type=ws",
    "path=/?ed=x",
    "{",
    '{"add":1}',
    "\n",
    "\x1b[2J",
    "é",
    "vmess,a,b",
]
_DAMAGED = st.builds(
    "{}://{}".format,
    st.sampled_from(SCHEMES),
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(_PARTS), max_size=12).map("".join),
        st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()),
        st.lists(st.sampled_from(_PARTS), max_size=12).map("".join).map(base64_of),
    ),
)


@given(LINKS)
def test_a_written_link_is_read_as_the_same_record(link: AnyLink) -> None:
    assert parse_link(write_link(link)) == link


def _message_of(text: str) -> str:
    """The message of a text that is no link; "" for a link. Any other error is raised."""
    try:
        parse_link(text)
    except ShareLinkError as error:
        return str(error)
    return ""


@given(_DAMAGED | st.text(max_size=80))
@examples(300)
def test_any_text_is_a_link_or_raises_the_one_error(text: str) -> None:
    message = _message_of(text)
    assert message.isprintable()
    assert "SECRET" not in message


@given(LINKS, st.integers(0, 300), st.text(max_size=3))
def test_a_link_with_a_change_is_read_or_raises_the_one_error(link: AnyLink, at: int, put: str) -> None:
    text = write_link(link)
    assert _message_of(text[:at] + put + text[at + 1 :]).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "SECRET",
        "ss://SECRET",
        "ss://SECRET@h.example",
        "ss://aes-256-gcm:SECRET@h.example:0",
        "ss://aes-256-gcm:SECRET@h exa:443",
        "trojan://SECRET:443",
        "trojan://SECRET@h.example:443?security=SECRET",
        "trojan://SECRET@h.example:443?pcs=SECRET",
        "trojan://SECRET@SECRET!:443",
        "vless://SECRET-that-is-too-long-to-be-a-custom-id@h.example:443",
        f"vless://{USER_ID}@h.example:443?security=reality&pbk=SECRET",
        "vmess://SECRET!",
        vmess_json(id="SECRET-that-is-too-long-to-be-a-custom-id"),
        vmess_json(port="SECRET"),
        vmess_json(scy="SECRET"),
        vmess_json(aid="SECRET"),
        vmess_json(SECRET={}),
        "hysteria2://SECRET@h.example:SECRET",
        "tuic://SECRET-that-is-too-long-to-be-a-custom-id:x@h.example:443",
        "SECRET://x",
    ],
)
def test_no_message_repeats_a_part_of_the_link(text: str) -> None:
    with pytest.raises(ShareLinkError) as raised:
        parse_link(text)
    assert "SECRET" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@given(LINKS)
def test_no_record_shows_a_password_or_an_id(link: AnyLink) -> None:
    hidden = link if isinstance(link, VmessLink | VlessLink) else replace(link, password="SECRET")
    assert "SECRET" not in repr(hidden)
    assert str(getattr(link, "user_id", "no id")) not in repr(hidden)
