"""The configurations for mihomo and sing-box: an import gives the link back, and the programs accept them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from tests.protocols.proxies.imports.samples import ALL, TROJAN, VLESS
from tests.protocols.proxies.links.samples import LINKS
from tests.real.amneziawg.mihomo import mihomo_program
from tests.real.proxies.sing_box import sing_box_program
from wgmon_tui.protocols.proxies.imports.entry import FoundLink
from wgmon_tui.protocols.proxies.imports.read import read_servers
from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError
from wgmon_tui.protocols.proxies.links.records import (
    AnyLink,
    OtherTransport,
    ShadowsocksLink,
    TlsOptions,
    VlessLink,
)
from wgmon_tui.protocols.proxies.program_config import LocalPort, make_config

LOCAL = LocalPort(1080, "user", "word")
PLAIN = [each for each in ALL if not getattr(each, "plugin", "")]


@pytest.mark.parametrize("program", ["mihomo", "/opt/sing-box"])
@pytest.mark.parametrize("link", PLAIN, ids=lambda link: link.name)
def test_what_is_written_for_a_program_says_what_the_link_says(program: str, link: AnyLink) -> None:
    found = read_servers(make_config(program, link, LOCAL))
    assert found == [FoundLink(replace(link, name="server"))]


@given(LINKS)
def test_any_link_is_written_or_refused_in_words(link: AnyLink) -> None:
    for program in ("mihomo", "sing-box"):
        try:
            json.loads(make_config(program, link, LOCAL))
        except ShareLinkError:
            is_whole = not isinstance(getattr(link, "transport", None), OtherTransport)
            assert not is_whole or (isinstance(link, ShadowsocksLink) and link.plugin) or _is_for_mihomo(link)


def _is_for_mihomo(link: AnyLink) -> bool:
    """Whether only mihomo can obey the link: sing-box has no VLESS Encryption, and pins no certificates."""
    tls = getattr(link, "tls", None)
    return bool(tls and tls.pinned_sha256) or getattr(link, "encryption", "none") != "none"


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (replace(VLESS, encryption="mlkem768x25519plus.native.0rtt.SECRET"), "VLESS Encryption"),
        (replace(TROJAN, tls=TlsOptions(pinned_sha256=(bytes(32),))), "digest"),
    ],
    ids=["encryption", "pin"],
)
def test_what_sing_box_would_not_obey_is_refused_and_mihomo_gets_it_whole(link: AnyLink, words: str) -> None:
    with pytest.raises(ShareLinkError, match=words):
        make_config("sing-box", link, LOCAL)
    assert read_servers(make_config("mihomo", link, LOCAL)) == [FoundLink(replace(link, name="server"))]


def _check(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.thorough
@pytest.mark.parametrize("link", PLAIN, ids=lambda link: link.name)
def test_mihomo_accepts_its_configuration(link: AnyLink, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(make_config("mihomo", link, LOCAL))
    done = _check([str(mihomo_program()), "-t", "-d", str(tmp_path), "-f", str(file)])
    assert done.returncode == 0, done.stdout


@pytest.mark.thorough
@pytest.mark.parametrize(
    "link",
    [each for each in PLAIN if not isinstance(each, VlessLink)],
    ids=lambda link: link.name,
)
def test_sing_box_accepts_its_configuration(link: AnyLink, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(make_config("sing-box", link, LOCAL))
    done = _check([str(sing_box_program()), "check", "-c", str(file)])
    assert done.returncode == 0, done.stderr
