"""Lists of servers: the same servers from every format, and what cannot be read."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.parameters import examples
from tests.protocols.proxies.imports import samples
from tests.protocols.proxies.imports.samples import (
    ALL,
    CLASH,
    OF_XRAY,
    SING_BOX,
    SIP008,
    SS,
    USER_ID,
    WIREGUARD_KEY,
    WIREGUARD_PUBLIC,
    XRAY,
)
from wgmon_tui.protocols.proxies.imports import yaml_text
from wgmon_tui.protocols.proxies.imports.entry import FoundConf, FoundLink, ListError, UnreadEntry
from wgmon_tui.protocols.proxies.imports.read import read_servers
from wgmon_tui.protocols.proxies.imports.yaml_text import YamlError, load_yaml
from wgmon_tui.protocols.proxies.links.parse import write_link
from wgmon_tui.protocols.proxies.links.records import AnyLink, VlessLink, WebSocketOptions


def conf(own: str) -> str:
    return (
        f"[Interface]\nPrivateKey = {WIREGUARD_KEY}\n{own}"
        f"[Peer]\nPublicKey = {WIREGUARD_PUBLIC}\n"
        "Endpoint = h.example:51820\nAllowedIPs = 0.0.0.0/0, ::/0\n"
    )


LINES = "\n".join(map(write_link, ALL))


@pytest.mark.parametrize(
    ("text", "links"),
    [
        (CLASH, ALL),
        (SING_BOX, ALL),
        (XRAY, OF_XRAY),
        (f"[{XRAY}]", OF_XRAY),
        (SIP008, (SS,)),
        (LINES, ALL),
        (f"# a remark\n\n  {LINES}  \r\n", ALL),
        (f"STATUS=1.2 GB left\n{LINES}", ALL),
        (base64.b64encode(LINES.encode()).decode(), ALL),
        (base64.encodebytes(LINES.encode()).decode(), ALL),
        (base64.urlsafe_b64encode(LINES.encode()).decode().rstrip("="), ALL),
    ],
    ids=[
        "Clash",
        "sing-box",
        "Xray",
        "Xray list",
        "SIP008",
        "links",
        "remarks",
        "status",
        "base64",
        "wrapped",
        "url",
    ],
)
def test_every_format_gives_the_same_servers(text: str, links: tuple[AnyLink, ...]) -> None:
    assert read_servers(text) == [FoundLink(each) for each in links]


@pytest.mark.parametrize(
    ("header", "early"),
    [("Sec-WebSocket-Protocol", 2048), ("sec-websocket-protocol", 2048), ("", 0), ("X-Early", 0)],
    ids=["the header of Xray", "in other letters", "on the path", "another header"],
)
def test_early_data_that_no_link_can_place_is_left_out(header: str, early: int) -> None:
    transport = {"type": "ws", "path": "/p", "max_early_data": 2048, "early_data_header_name": header}
    entry = {"type": "vless", "tag": "a", "server": "a.example", "server_port": 443, "uuid": str(USER_ID)}
    [found] = read_servers(json.dumps({"outbounds": [{**entry, "transport": transport}]}))
    assert isinstance(found, FoundLink)
    assert isinstance(found.link, VlessLink)
    assert found.link.transport == WebSocketOptions("/p", early_data=early)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[Interface]\nPrivateKey = x\n",
        "client\nremote a 1194\n",
        "{}",
        "[]",
        "[1]",
        "aGVsbG8=",
        "{",
        "x://y",
        '{"outbounds": 3}',
        '{"servers": ["a"]}',
        "proxies_of: me",
    ],
)
def test_other_texts_are_no_list(text: str) -> None:
    assert read_servers(text) == []


def test_what_cannot_be_read_is_named_and_the_rest_stays() -> None:
    text = (
        "ssr://SECRET\nvless://SECRET-that-is-too-long-to-be-a-custom-id@h.example:1\n"
        f"made-up://SECRET\n{write_link(SS)}\n"
    )
    assert read_servers(text) == [
        UnreadEntry("link 1", "wgmon-tui cannot check a link of ssr://"),
        UnreadEntry("link 2", "its user ID is no UUID; copy the link again"),
        UnreadEntry("link 3", "wgmon-tui cannot check a link of another kind"),
        FoundLink(SS),
    ]


def test_entries_of_a_file_that_cannot_be_read_say_which_key() -> None:
    text = """proxies:
  - {name: a, type: ssr, server: a.example, port: 1}
  - {name: b, type: vmess, server: b.example, port: 1}
  - {name: c, type: ss, server: c.example, port: SECRET, cipher: x, password: x}
  - {name: d, type: trojan, server: d.example, port: 1, password: [SECRET]}
  - {type: trojan, server: d.example, port: 1}
"""
    assert read_servers(text) == [
        UnreadEntry("a", "wgmon-tui cannot check servers of the type ssr"),
        UnreadEntry("b", "its uuid is missing"),
        UnreadEntry("c", "its host or port is not valid; expected host:port after the @"),
        UnreadEntry("d", "its password is neither text nor a number"),
        UnreadEntry("entry 5", "its password is missing"),
    ]


def test_yaml_keeps_every_value_as_it_is_written() -> None:
    assert load_yaml("a: 0123\nb: 1e3\nc: yes\nd: 2026-11-29\ne: ~") == {
        "a": "0123",
        "b": "1e3",
        "c": "yes",
        "d": "2026-11-29",
        "e": "~",
    }


def test_damaged_yaml_names_the_line_and_no_value() -> None:
    with pytest.raises(ListError, match=r"^line 3: damaged YAML; copy the file again$"):
        read_servers("proxies:\n  - {name: a,\n  SECRET: [}\n")


def test_a_merge_of_very_many_tables_is_refused() -> None:
    assert load_yaml(f"a: &a {{k: v}}\nb: {{<<: [{', '.join(['*a'] * 20)}]}}") == {
        "a": {"k": "v"},
        "b": {"k": "v"},
    }
    with pytest.raises(YamlError, match="damaged YAML"):
        load_yaml(f"a: &a {{k: v}}\nb: {{<<: [{', '.join(['*a'] * 21)}]}}")


def test_merges_of_merges_do_not_fill_the_memory() -> None:
    bomb = "a0: &a0 {" + ", ".join(f"k{number}: v" for number in range(50)) + "}\n"
    for level in range(1, 40):
        bomb += f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 19)}]}}\n"
    with suppress(YamlError):  # earlier versions of PyYAML repeat every key
        assert len(load_yaml(bomb)["a39"]) == 50  # type: ignore[index]


def test_aliases_that_repeat_an_entry_without_end_are_refused() -> None:
    text = "a: &a {name: a, type: direct}\nproxies: [" + "*a, " * 20_001 + "]"
    with pytest.raises(ListError, match="more than 20,000 entries"):
        read_servers(f"{text}\n")


@pytest.mark.parametrize(
    "text",
    ["a: [b, {c: 0123}]\nd: &d {e: f}\ng: {<<: *d, h: i}", "a: [}", "[" * 5000],
    ids=["good", "bad", "deep"],
)
def test_without_the_parser_in_c_yaml_is_read_alike(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> object:
        try:
            return load_yaml(text)
        except YamlError as error:
            return str(error).rpartition(": ")[2]  # without the line, which is not the same

    with_c = read()
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    yaml_text._loader.cache_clear()
    try:
        assert read() == with_c
    finally:
        yaml_text._loader.cache_clear()


def test_a_wireguard_link_becomes_a_wg_quick_text() -> None:
    key, public = (each.replace("=", "%3D") for each in (WIREGUARD_KEY, WIREGUARD_PUBLIC))
    text = f"wireguard://{key}@h.example:51820/?publickey={public}&address=10.8.0.2/32,fd00::2/128&jc=4&s1=15#wg%201"
    assert read_servers(text) == [
        FoundConf(
            "wg 1",
            conf("Address = 10.8.0.2/32\nAddress = fd00::2/128\nJc = 4\nS1 = 15\n"),
        )
    ]


def test_a_wireguard_entry_of_clash_and_of_sing_box_becomes_a_wg_quick_text() -> None:
    clash = f"""proxies:
  - name: wg
    type: wireguard
    server: h.example
    port: 51820
    ip: 10.8.0.2/32
    private-key: {WIREGUARD_KEY}
    public-key: {WIREGUARD_PUBLIC}
    amnezia-wg-option: {{jc: 4, header-protection-key: {WIREGUARD_KEY}, version: 3}}
"""
    sing_box = (
        '{"endpoints": [{"type": "wireguard", "tag": "wg", "address": ["10.8.0.2/32"], '
        f'"private_key": "{WIREGUARD_KEY}", "peers": [{{"address": "h.example", "port": 51820, '
        f'"public_key": "{WIREGUARD_PUBLIC}"}}]}}]}}'
    )
    parameters = f"Jc = 4\nHeaderProtectionKey = {WIREGUARD_KEY}\n"
    for text, own in ((clash, parameters), (sing_box, "")):
        assert read_servers(text) == [
            FoundConf(
                "wg",
                conf(f"Address = 10.8.0.2/32\n{own}"),
            )
        ]


def test_a_wireguard_server_with_reserved_bytes_is_not_checked() -> None:
    text = f"wireguard://{WIREGUARD_KEY}@h.example:2408?publickey={WIREGUARD_PUBLIC}&reserved=1,2,3"
    assert read_servers(text) == [
        UnreadEntry(
            "link 1", "the server needs reserved bytes, as Cloudflare's WARP does; wgmon-tui sends none"
        )
    ]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("SECRET"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_KEYS = st.sampled_from(
    [
        "server",
        "port",
        "server_port",
        "password",
        "uuid",
        "cipher",
        "method",
        "tls",
        "ws-opts",
        "network",
        "transport",
        "settings",
        "streamSettings",
        "peers",
        "private-key",
        "public-key",
        "ip",
        "plugin",
        "obfs",
        "alpn",
        "name",
        "tag",
    ]
)
_TYPES = st.sampled_from(
    ["ss", "shadowsocks", "vmess", "vless", "trojan", "hysteria2", "tuic", "anytls", "wireguard"]
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=8), _TYPES)
@examples(300)
def test_any_entry_is_read_or_named_with_a_reason(values: dict[str, object], kind: str) -> None:
    from wgmon_tui.protocols.proxies.imports.clash import read_clash
    from wgmon_tui.protocols.proxies.imports.sing_box import read_sing_box
    from wgmon_tui.protocols.proxies.imports.xray import read_xray

    entry = {**values, "type": kind, "protocol": kind}
    for found in (
        read_clash({"proxies": [entry]}),
        read_sing_box({"outbounds": [entry]}),
        read_xray({"outbounds": [entry]}),
    ):
        for each in found:
            assert not isinstance(each, UnreadEntry) or "SECRET" not in each.reason


@given(
    st.text(max_size=200)
    | st.sampled_from([CLASH, SING_BOX, XRAY]).flatmap(
        lambda text: st.integers(0, len(text)).map(lambda at: text[:at])
    )
)
def test_any_text_gives_servers_or_the_one_error(text: str) -> None:
    try:
        found = read_servers(text)
    except ListError:
        found = []
    assert isinstance(found, list)


def test_no_record_shows_a_secret() -> None:
    assert "SECRET" not in repr(read_servers(CLASH))
    assert str(samples.USER_ID) not in repr(read_servers(SING_BOX))
