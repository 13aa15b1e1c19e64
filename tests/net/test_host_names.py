"""Host names beyond ASCII: the same name as glibc looks up, through libidn2."""

from __future__ import annotations

import ctypes

import pytest

from wgmon_tui.net.host_names import InvalidHostNameError, encode_host

NAMES = [
    ("faß.example", "xn--fa-hia.example"),
    ("FAß.example", "xn--fa-hia.example"),
    ("ΒΌΛΟΣ.example", "xn--nxasmq6b.example"),
    ("bücher.example.", "xn--bcher-kva.example."),
    ("_x.bücher.example", "_x.xn--bcher-kva.example"),
    ("büro_1.example", "xn--bro_1-kva.example"),
    ("日本・語.example", "xn--vek160nb2acz6g.example"),
    ("क्\u200dष.example", "xn--11b2ezcw70k.example"),
    ("ｆｏｏ。example", "foo.example"),
]
WITHOUT_DNS_NAME = [
    "x\u200dy.example",
    "☃.example",
    "-ü.example",
    "ab--ü.example",
    "\u0301ü.example",
    "ü" * 60,
]


@pytest.mark.parametrize(("host", "encoded"), NAMES)
def test_a_name_is_encoded_by_idna_2008(host: str, encoded: str) -> None:
    assert encode_host(host) == encoded


@pytest.mark.parametrize("host", ["fra1.example.net", "A_b.example.", "_wg._udp.example", "ab--cd.example"])
def test_a_name_in_ascii_stays_as_it_is(host: str) -> None:
    assert encode_host(host) == host


@pytest.mark.parametrize("host", WITHOUT_DNS_NAME)
def test_a_name_that_dns_cannot_have_gives_one_printable_line(host: str) -> None:
    with pytest.raises(InvalidHostNameError) as refused:
        encode_host(host)
    assert str(refused.value).startswith("not a name by IDNA 2008: ")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("host", [*(host for host, _ in NAMES), *WITHOUT_DNS_NAME])
def test_glibc_looks_up_the_same_name(host: str) -> None:
    try:
        libidn2 = ctypes.CDLL("libidn2.so.0")
    except OSError:
        pytest.skip("needs libidn2")
    encoded = ctypes.c_char_p()
    # No flags, as glibc's getaddrinfo with AI_IDN calls it for getent.
    fault = libidn2.idn2_lookup_u8(host.encode(), ctypes.byref(encoded), 0)
    if fault:
        with pytest.raises(InvalidHostNameError):
            encode_host(host)
    else:
        assert encoded.value == encode_host(host).encode()
