"""Parsing of `wg show all dump`: every interface with its peers, without secret keys."""

from __future__ import annotations

import string
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.config.imports.wg_dump_parser import (
    InspectionError,
    InterfaceDump,
    InterfaceDumps,
    PeerEntry,
    parse_all_dumps,
    parse_dump,
)
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.net.addresses import Endpoint

OWN = PrivateKey(b"\x05" * 32)
PSK = PresharedKey(b"\x06" * 32)
FIRST, SECOND = (PrivateKey(bytes([number]) * 32).public for number in (1, 2))

DUMP = (
    f"wg0\t{OWN.to_text()}\t{OWN.public}\t51820\toff\n"
    f"wg0\t{FIRST}\t{PSK.to_text()}\t192.0.2.9:51820\t0.0.0.0/0,::/0\t1700000000\t148\t92\t25\n"
    f"wg0\t{SECOND}\t(none)\t(none)\t(none)\t0\t0\t0\toff\n"
    "wg1\t(none)\t(none)\t0\t0xca6c\n"
)

names = st.text(string.ascii_letters + string.digits + "_=+.-", min_size=1, max_size=15)
secrets = st.binary(min_size=32, max_size=32).filter(any)
keys = secrets.map(PrivateKey)
addresses = st.ip_addresses().map(lambda ip: f"[{ip}]" if ip.version == 6 else f"{ip}")


@st.composite
def peers(draw: st.DrawFn) -> tuple[PeerEntry, str]:
    """A peer, and its line without the interface name."""
    key = draw(keys).public
    psk = draw(st.none() | secrets.map(PresharedKey))
    endpoint = draw(st.none() | st.tuples(addresses, st.integers(1, 65535)))
    networks = draw(st.frozensets(st.ip_addresses().map(ip_network), max_size=3))
    handshake, keepalive = draw(st.integers(0, 2**40)), draw(st.none() | st.integers(1, 65535))
    line = "\t".join(
        [
            str(key),
            psk.to_text() if psk else "(none)",
            f"{endpoint[0]}:{endpoint[1]}" if endpoint else "(none)",
            ",".join(map(str, networks)) or "(none)",
            *(str(handshake), "1", "2"),
            str(keepalive) if keepalive else "off",
        ]
    )
    entry = PeerEntry(
        key,
        psk is not None,
        networks,
        Endpoint(endpoint[0].strip("[]"), endpoint[1]) if endpoint else None,
        handshake or None,
        keepalive,
    )
    return entry, line


@st.composite
def machines(draw: st.DrawFn) -> tuple[InterfaceDumps, str]:
    """Every interface of a machine, and the output of wg for them."""
    dumps: InterfaceDumps = {}
    lines = []
    for name in draw(st.lists(names, unique=True, max_size=4)):
        key = draw(st.none() | keys)
        port = draw(st.integers(0, 65535))
        of = draw(st.lists(peers(), max_size=4))
        dumps[name] = InterfaceDump(
            key is not None, key.public if key else None, port, tuple(each for each, _ in of)
        )
        own = (key.to_text(), str(key.public)) if key else ("(none)", "(none)")
        lines.append("\t".join([name, *own, str(port), "off"]))
        lines += [f"{name}\t{line}" for _, line in of]
    return dumps, "".join(f"{line}\n" for line in lines)


def refusal(text: str) -> str:
    """The error for a dump; empty if it parses."""
    try:
        parse_all_dumps(text)
    except InspectionError as error:
        return str(error)
    return ""


@given(machines())
def test_every_interface_is_read_with_its_peers(machine: tuple[InterfaceDumps, str]) -> None:
    dumps, printed = machine
    assert parse_all_dumps(printed) == dumps


@given(machines(), st.data())
def test_a_dump_in_which_anything_changed_is_read_or_refused_in_a_line_without_a_key(
    machine: tuple[InterfaceDumps, str], data: st.DataObject
) -> None:
    _, printed = machine
    at = data.draw(st.integers(0, len(printed)))
    changed = printed[:at] + data.draw(st.text(max_size=3)) + printed[at + data.draw(st.integers(0, 3)) :]
    keys = {cell for cell in printed.split() if len(cell) == 44}
    said = refusal(changed)
    assert said.isprintable()
    assert not any(key in said for key in keys)


@given(st.text())
def test_other_text_is_refused_by_its_line(text: str) -> None:
    assert refusal(f"a {text}").startswith("line ")


def test_no_key_of_an_interface_or_peer_survives_the_reading() -> None:
    dumps = parse_all_dumps(DUMP)
    assert dumps["wg0"].has_private_key
    assert dumps["wg0"].peers[0].has_preshared_key
    for secret in (OWN.to_text(), PSK.to_text(), OWN.raw.hex()):
        assert secret not in repr(dumps)


def test_an_interface_alone_and_a_machine_without_one_are_read_too() -> None:
    assert parse_all_dumps(DUMP)["wg1"] == InterfaceDump(False, None, 0, ())
    assert parse_all_dumps("\n") == {}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (DUMP.removeprefix("wg0\t"), "line 1: expected an interface and a tab"),
        (DUMP.replace("wg1", "a b"), "line 4: expected an interface and a tab"),
        (DUMP.replace("\t25\n", "\t70000\n"), "line 2: persistent-keepalive"),
        (DUMP.replace("0xca6c", "red"), "line 4: fwmark"),
        (DUMP.replace(f"wg0\t{OWN.to_text()}\t{OWN.public}\t51820\toff\n", ""), "line 1: expected 4 fields"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_field(broken: str, said: str) -> None:
    with pytest.raises(InspectionError, match=said):
        parse_all_dumps(broken)


AWG_HEAD = DUMP.splitlines()[0].split("\t")[1:]
AWG_1 = ["4", "40", "70", "15", "18", "100", "200", "300", "400"]
_VALUES = "0|0|0|64|32|24|16|1000-2000|3000|5000|7000|<r 4>|(null)|(null)|(null)|(null)"
AWG_2 = _VALUES.split("|")
AWG_3 = [*AWG_2, "(none)", "0", "0", "0", "0", "0", "0", "on", "off"]


@pytest.mark.parametrize(
    ("fields", "parameters"),
    [
        (AWG_1, {"s1": "15", "s2": "18", "h1": "100", "h2": "200", "h3": "300", "h4": "400"}),
        (AWG_2, {"s1": "64", "s4": "16", "h1": "1000-2000"}),
        (AWG_3, {"s2": "32", "random_trailers": "on"}),
    ],
)
def test_awg_prints_its_parameters_between_the_port_and_the_mark(
    fields: list[str], parameters: dict[str, str]
) -> None:
    dump = parse_dump("\t".join([*AWG_HEAD[:3], *fields, AWG_HEAD[3]]))
    assert parameters.items() <= dump.parameters.items()
    assert "i1" not in dump.parameters
    assert dump.listen_port == int(AWG_HEAD[2])


def test_wg_prints_no_parameters() -> None:
    assert parse_dump("\t".join(AWG_HEAD)).parameters == {}
