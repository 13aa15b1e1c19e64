"""Parameters of AmneziaWG as each version has them, and framings of the two ends."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from wgmon_tui.config.keys import PublicKey
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.amneziawg.parameters import HeaderRange, Parameters
from wgmon_tui.protocols.amneziawg.signature_packets import SignaturePacket


def header_range(text: str) -> HeaderRange:
    return HeaderRange.parse(text)


VERSION_1 = Parameters(
    jc=4,
    jmin=40,
    jmax=70,
    s1=15,
    s2=18,
    h1=header_range("1020325451"),
    h2=header_range("3288052141"),
    h3=header_range("1766607858"),
    h4=header_range("2528465083"),
)
VERSION_1_5 = replace(
    VERSION_1,
    jc=2,
    jmin=10,
    jmax=50,
    i1=SignaturePacket.parse("<b 0xc70000000108><rc 8><t><r 40>"),
    i2=SignaturePacket.parse("<rd 12>"),
)
VERSION_2 = Parameters(
    s1=64,
    s2=32,
    s3=24,
    s4=16,
    h1=header_range("1000-2000"),
    h2=header_range("3000-4000"),
    h3=header_range("5000-6000"),
    h4=header_range("7000-8000"),
)
VERSION_3_TRAILERS = replace(VERSION_2, jc=1, jmin=20, jmax=20, random_trailers=True)
PROFILES = (Parameters(), VERSION_1, VERSION_1_5, VERSION_2, VERSION_3_TRAILERS)

PROTECTION_KEY = bytes(range(32))


def framing(parameters: Parameters, own: PublicKey, key: bytes | None = None) -> AmneziaFraming:
    return AmneziaFraming(parameters, own, key, lambda: 1e9)


@st.composite
def parameters(draw: st.DrawFn) -> Parameters:
    """Any parameters that a server may have with header protection."""
    s1, s2, s3, s4 = (draw(st.integers(12, 200)) for _ in range(4))
    bounds = sorted(draw(st.sets(st.integers(5, 2**32 - 1), min_size=8, max_size=8)))
    h1, h2, h3, h4 = (HeaderRange(bounds[each], bounds[each + 1]) for each in range(0, 8, 2))
    trailers = draw(st.booleans())
    return Parameters(s1=s1, s2=s2, s3=s3, s4=s4, h1=h1, h2=h2, h3=h3, h4=h4, random_trailers=trailers)
