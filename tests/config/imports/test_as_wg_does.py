"""What `wg setconf` accepts, `import` accepts: the real `wg` judges generated and mutated files.

docs/import.md lists the exceptions, as `EXCEPTIONS` and `_WILDCARD` do here.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.config.imports.conf_samples import generated_confs, mutate
from tests.config.imports.wg_oracle import IS_INSTALLED, is_accepted_by_wg
from tests.config.sample_fleets import OTHER_SERVER_KEY, OWN_KEY, SERVER_KEY
from tests.parameters import examples
from wgmon_tui.config.imports.conf_reading import ReadConfs, read_confs
from wgmon_tui.config.imports.remarks import Remark

pytestmark = pytest.mark.skipif(not IS_INSTALLED, reason="needs wg, from wireguard-tools")

EXCEPTIONS = (
    "it is empty: no [Interface] and no [Peer]",
    "no [Peer] has an Endpoint, so there is nothing to check",
    "[Interface] has no PrivateKey",
    "PublicKey: not usable as a public key",
    'Endpoint: expected a port from 1 to 65535, got "',
)
"""How the reports of the documented exceptions begin."""

_SPACES = re.compile(rb"[ \t\v\f\r]")
_WILDCARD = re.compile(rb"^endpoint=(\[?\*\]?:|.*:\*)", re.IGNORECASE | re.MULTILINE)
"""A `*` as host or port, on a line without spaces."""

WHOLE = (
    f"[Interface]\nPrivateKey = {OWN_KEY.to_text()}\nListenPort = 51820\n\n# fra1\n[Peer]\n"
    f"PublicKey = {SERVER_KEY}\nEndpoint = 10.0.0.1:51820\nAllowedIPs = 0.0.0.0/0, ::/0\n\n"
    f"[Peer]\nPublicKey = {OTHER_SERVER_KEY}\nEndpoint = [2001:db8::1]:51820\nPersistentKeepalive = 25\n"
).encode()


def read(data: bytes) -> ReadConfs:
    return read_confs(["-"], lambda _: data)


def faults_of(data: bytes) -> list[Remark]:
    """All faults; a file that `wg` accepts may have only exceptions."""
    found = read(data)
    faults = [each for each in found.items if isinstance(each, Remark)]
    return faults + [fault for conf in found.confs for fault in (*conf.faults, *conf.interface_faults)]


def unexpected_faults(data: bytes) -> list[str]:
    return [
        str(fault)
        for fault in faults_of(data)
        if not fault.text.startswith(EXCEPTIONS) and not _WILDCARD.search(_SPACES.sub(b"", data))
    ]


@examples(80)
@given(generated_confs())
def test_a_generated_file_that_wg_accepts_is_accepted(data: bytes) -> None:
    if is_accepted_by_wg(data):
        assert unexpected_faults(data) == []


@examples(150)
@given(st.integers(0, 2**32))
def test_a_mutated_file_that_wg_accepts_is_accepted(seed: int) -> None:
    data = mutate(random.Random(seed), WHOLE)
    if is_accepted_by_wg(data):
        assert unexpected_faults(data) == []


@pytest.mark.thorough
@settings(max_examples=5_000, deadline=None)
@given(generated_confs())
def test_of_many_generated_files_all_that_wg_accepts_are_accepted(data: bytes) -> None:
    if is_accepted_by_wg(data):
        assert unexpected_faults(data) == []


@pytest.mark.parametrize(
    ("endpoint", "meant"),
    [
        ("[10.66.0.2]:51820", "10.66.0.2:51820"),
        ("[localhost]:51820", "localhost:51820"),
        ("2001:db8::1:51820", "[2001:db8::1]:51820"),
        ("10.1:51820", "10.0.0.1:51820"),
        ("010.0.0.1:51820", "8.0.0.1:51820"),
        ("10.0.0.1:domain", "10.0.0.1:53"),
        ("10.0.0.1:051820", "10.0.0.1:51820"),
        ("10.0.0.1:+51820", "10.0.0.1:51820"),
        ("10.0.0.1:117356", "10.0.0.1:51820"),
        ("fe80::1%lo:1:51820", "[fe80::1%lo]:51820"),
        ("[fe80::1%lo:1]:51820", "[fe80::1%lo]:51820"),
        ("10.0. 0.1 : 51820", "10.0.0.1:51820"),
    ],
)
def test_an_endpoint_out_of_form_is_what_wg_takes_it_for_with_a_notice(endpoint: str, meant: str) -> None:
    data = WHOLE.replace(b"10.0.0.1:51820", endpoint.encode())
    assert is_accepted_by_wg(data)
    [conf] = read(data).confs
    assert str(conf.peers[0].endpoint) == meant
    assert conf.notices


@pytest.mark.parametrize(
    "line",
    [
        b"Public Key = " + str(SERVER_KEY).encode(),
        b"[ Peer ]\nPublicKey = " + str(SERVER_KEY).encode() + b"\nEndpoint = 10.0.0.9:1",
        b"Endpoint = 10.0.0.1:51820\0 whatever",
        b"# \xe9\xff",
    ],
)
def test_a_line_out_of_form_that_wg_accepts_is_accepted_with_a_notice(line: bytes) -> None:
    data = WHOLE + line + b"\n"
    assert is_accepted_by_wg(data)
    assert faults_of(data) == []
    [conf] = read(data).confs
    assert conf.notices


@pytest.mark.parametrize("value", [b"0", b"65536", b"*"])
def test_a_port_that_means_none_is_a_documented_exception(value: bytes) -> None:
    data = WHOLE.replace(b":51820\nAllowed", b":" + value + b"\nAllowed")
    assert is_accepted_by_wg(data)
    [fault] = faults_of(data)
    assert fault.line == 8


def test_the_page_lists_every_exception() -> None:
    page = (Path(__file__).parents[3] / "docs" / "import.md").read_text()
    for each in ("no `[Peer]` has an `Endpoint`", "no `PrivateKey`", "low order", "port 0", "`*`", "16 MiB"):
        assert each in page, each
