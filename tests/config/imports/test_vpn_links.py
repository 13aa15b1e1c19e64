"""Links of the AmneziaVPN app, and their import."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.config.imports.conf_reading import read_confs
from wgmon_tui.config.imports.remarks import Remark
from wgmon_tui.config.imports.vpn_links import VpnLinkError, is_vpn_link, read_vpn_link
from wgmon_tui.config.imports.wg_quick_parser import WgQuickFile, parse_pasted_lenient
from wgmon_tui.config.keys import PrivateKey

CONF = f"""[Interface]
PrivateKey = {PrivateKey(bytes(range(32))).to_text()}
Address = 10.8.1.2/32
DNS = $PRIMARY_DNS, $SECONDARY_DNS
[Peer]
PublicKey = {PrivateKey(bytes(range(1, 33))).public}
Endpoint = fra1.example.net:51820
"""


def link(content: object, *, is_packed: bool = True) -> str:
    text = json.dumps(content).encode()
    data = len(text).to_bytes(4, "big") + zlib.compress(text) if is_packed else text
    return "vpn://" + base64.urlsafe_b64encode(data).decode().rstrip("=")


def content(*containers: object) -> dict[str, object]:
    return {"containers": list(containers), "dns1": "1.1.1.1", "dns2": "1.0.0.1"}


AWG = {"container": "amnezia-awg", "awg": {"last_config": json.dumps({"config": CONF}), "H1": "5"}}
OPENVPN = {"container": "amnezia-openvpn", "openvpn": {"last_config": json.dumps({"config": "client"})}}


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_link_holds_the_configuration_of_amneziawg(is_packed: bool) -> None:
    found = read_vpn_link(link(content(OPENVPN, AWG), is_packed=is_packed))
    assert found == (CONF.replace("$PRIMARY_DNS, $SECONDARY_DNS", "1.1.1.1, 1.0.0.1"),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (link(content(OPENVPN)), "without a configuration of AmneziaWG"),
        (link({"api_key": "secret"}), "without a configuration of AmneziaWG"),
        (link(content(AWG))[:-30], "damaged"),
        ("vpn://AAAA", "damaged"),
        ("vpn://" + base64.urlsafe_b64encode(bytes(4) + zlib.compress(bytes(2 << 20))).decode(), "damaged"),
    ],
    ids=["other", "key", "cut", "short", "bomb"],
)
def test_a_link_without_a_configuration_says_why(text: str, reason: str) -> None:
    with pytest.raises(VpnLinkError, match=reason) as raised:
        read_vpn_link(text)
    assert "secret" not in str(raised.value)


@given(st.text(alphabet="ABCxyz019-_=+/", min_size=1, max_size=60), st.binary(max_size=60))
def test_no_link_raises_anything_else(text: str, data: bytes) -> None:
    for each in ("vpn://" + text, "vpn://" + base64.urlsafe_b64encode(data).decode() + "A"):
        if is_vpn_link(each):
            with pytest.raises(VpnLinkError):
                read_vpn_link(each)


def test_a_file_with_a_link_is_read_like_a_conf(tmp_path: Path) -> None:
    path = tmp_path / "fra1.vpn"
    path.write_text(link(content(AWG)) + "\n")
    path.chmod(0o600)
    [conf] = read_confs([path]).items
    assert isinstance(conf, WgQuickFile)
    assert (conf.stem, conf.peers[0].endpoint.host) == ("fra1", "fra1.example.net")
    assert conf.private_key


def test_a_damaged_link_in_a_file_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "fra1.vpn"
    path.write_text("vpn://AAAA")
    [fault] = read_confs([path]).items
    assert isinstance(fault, Remark)
    assert "damaged" in str(fault)


def test_a_pasted_link_is_read_like_a_pasted_conf() -> None:
    assert parse_pasted_lenient(link(content(AWG))).peers[0].endpoint.port == 51820
    [fault] = parse_pasted_lenient("vpn://AAAA").faults
    assert "damaged" in str(fault)
