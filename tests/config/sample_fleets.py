"""Sample fleets: a small one as text, and a strategy for every fleet that servers.toml can represent."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import Any

from hypothesis import strategies as st

from tests.protocols.amneziawg.profiles import parameters
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import AMNEZIAWG, WIREGUARD, Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.server_settings import (
    EVERY_RANGE,
    INTERVAL_RANGE,
    SLOW_RANGE,
    SOAK_RANGE,
    TIMEOUT_RANGE,
    TUNNEL_COUNT_RANGE,
    TUNNEL_MTU_RANGE,
    TUNNEL_OVER_RANGE,
)
from wgmon_tui.net.addresses import Endpoint, NameServer
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.protocols.amneziawg.settings import AmneziaWgSettings

OWN_KEY = PrivateKey(b"\x01" * 32)
SERVER_KEY = PrivateKey(b"\x02" * 32).public
OTHER_SERVER_KEY = PrivateKey(b"\x03" * 32).public

AUTHORITY = """\
-----BEGIN CERTIFICATE-----
MIIBUjCB+aADAgECAhQHslcHNj2RKIi2rH5Ugllga1QgizAKBggqhkjOPQQDAjAf
MR0wGwYDVQQDDBR0aGUgdGVzdHMnIGF1dGhvcml0eTAeFw0yNjExMjkxNTQzMDRa
Fw0yNjExMzAxNjQzMDRaMB8xHTAbBgNVBAMMFHRoZSB0ZXN0cycgYXV0aG9yaXR5
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzU5acfmcMYDrzRE4XKYW1LvwkqGL
qp0ehf6QyhUWBs31fdI6n9zsoMAE9z7/WMBgRKwS8ca8906odvh5EwtISKMTMBEw
DwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA6vtXXGkloNDgekgF
jniwdfNVwf85b6bY1508ONJFphYCIAJSbkWjtMfE/UcqeLf6QJeeDWVLs/vegwv8
9rRUNXMd
-----END CERTIFICATE-----
"""
"""A certificate in PEM form."""

AUTHORITY_LINE = f"{AUTHORITY[:27]} {''.join(AUTHORITY.splitlines()[1:-1])} {AUTHORITY.splitlines()[-1]}"
"""The same on one line, as the app writes it."""

MINIMAL_TOML = f"""
[[identity]]
name = "bastion"
private_key_file = "bastion.key"

[[server]]
name = "fra1"
endpoint = "fra1.example.net:51820"
public_key = "{SERVER_KEY}"
"""

BASTION = Identity("bastion", SecretSource(SecretForm.FILE, "bastion.key"))


THRESHOLDS = [(2, 3, 2), (1, 1, 1), (1, 2, 20), (3, 4, 1), (3, 3, 2), (10, 11, 3), (10, 20, 2)]
"""`fail_after`, `fail_window`, `recover_after`: the defaults, the limits, an explicit window or none."""


def server(name: str = "fra1") -> Server:
    return Server(name, Endpoint(f"{name}.example.net", 51820), SERVER_KEY, "bastion")


texts = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=30)
names = texts.map(str.strip).filter(bool)
keys = st.binary(min_size=32, max_size=32)
public_keys = keys.map(lambda raw: PublicKey(PrivateKey(raw).public.raw))
tunnel_addresses = st.ip_addresses(v=4) | st.ip_addresses(v=6)
hosts = (
    st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9](\.[a-z]{2,8}){0,2}", fullmatch=True)
    | tunnel_addresses.map(str)
    | st.just("fe80::1%eth0")
)
endpoints = st.builds(Endpoint, hosts, st.integers(1, 65535))
name_servers = st.builds(
    NameServer, tunnel_addresses, st.none() | st.sampled_from(["www.example.net", "faß.example"])
)
http_targets = st.builds(
    HttpTarget,
    st.builds(
        Url,
        tunnel_addresses.map(str),
        st.integers(1, 65535),
        st.sampled_from(["/", "/health?a=b", "/%20"]),
        st.booleans(),
    ),
    st.none() | st.integers(200, 599),
    st.sampled_from(["", "ready", 'say "yes", please=1']),
    st.none() | tunnel_addresses,
)
tunnel_endpoints = st.builds(Endpoint, tunnel_addresses.map(str), st.integers(1, 65535))


def durations(limits: tuple[float, float]) -> st.SearchStrategy[float]:
    """Durations within the limits: round ones, as people write them, and any other."""
    least, most = limits
    return st.floats(least, most) | st.integers(1, int(most)).map(lambda s: min(max(float(s), least), most))


commands = (
    st.lists(texts, min_size=1, max_size=3)
    .filter(lambda words: bool(words[0]))
    .map(lambda words: tuple(words))
)

secrets = st.one_of(
    keys.map(lambda raw: SecretSource(SecretForm.INLINE, PrivateKey(raw).to_text())),
    texts.filter(bool).map(lambda path: SecretSource(SecretForm.FILE, path)),
    commands.map(lambda words: SecretSource(SecretForm.COMMAND, words)),
    st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True).map(
        lambda name: SecretSource(SecretForm.ENV, name)
    ),
    st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True).map(
        lambda name: SecretSource(SecretForm.CREDENTIAL, name)
    ),
)

interfaces = st.builds(
    lambda address, prefix: ip_interface(f"{address}/{min(prefix, address.max_prefixlen)}"),
    tunnel_addresses,
    st.integers(0, 128),
)


def some_of(choices: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """A dictionary of any of these keys, each with one of its values."""
    return st.fixed_dictionaries({}, optional=choices)


def tunnel_and_explain(interval: float) -> st.SearchStrategy[dict[str, Any]]:
    """The settings of a server for its tunnel, for experiments that explain silence, and for inspect."""
    longest = min(TUNNEL_OVER_RANGE[1], interval)
    return some_of(
        {
            "tunnel": st.booleans(),
            "tunnel_dns": st.lists(name_servers, max_size=2).map(tuple),
            "tunnel_tcp": st.lists(tunnel_endpoints, max_size=2).map(tuple),
            "tunnel_http": st.lists(http_targets, max_size=2).map(tuple),
            "tunnel_ca": st.sampled_from([(), (AUTHORITY_LINE,)]),
            "tunnel_mtu": st.none() | st.integers(*TUNNEL_MTU_RANGE),
            "tunnel_count": st.integers(*TUNNEL_COUNT_RANGE),
            "tunnel_over": st.just(0.0) | st.floats(0.001, longest, exclude_max=True),
            "tunnel_every": durations(EVERY_RANGE),
            "tunnel_soak": st.just(0.0) | durations(SOAK_RANGE),
            "explain": st.booleans(),
            "explain_every": durations(EVERY_RANGE),
            "try_identities": st.booleans(),
            "inspect": commands,
            "inspect_config": commands,
        }
    )


@st.composite
def protocols(draw: st.DrawFn) -> dict[str, Any]:
    """A protocol and its settings."""
    if draw(st.booleans()):
        return {"protocol": WIREGUARD}
    settings = AmneziaWgSettings.of(draw(parameters()), draw(st.none() | secrets))
    return {"protocol": AMNEZIAWG, "protocol_settings": draw(st.none() | st.just(settings))}


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    identities = draw(
        st.lists(
            st.builds(Identity, names, secrets, st.lists(interfaces, max_size=2).map(tuple)),
            min_size=1,
            max_size=3,
            unique_by=lambda identity: identity.name,
        )
    )
    owners = st.sampled_from([identity.name for identity in identities])
    defaults = draw(
        some_of(
            {
                "identity": owners,
                "interval": st.sampled_from(["10s", "60s", "1m", "2.5s"]),
                "timeout": st.sampled_from(["200ms", "5s", "1m"]),
                "slow": st.sampled_from(["500ms", "0.5s", "1s"]),
                "fail_after": st.sampled_from([1, 3]),
                "fail_window": st.sampled_from([1, 4, 20]),
                "recover_after": st.sampled_from([1, 2]),
                "paused": st.booleans(),
                "tags": st.lists(names, max_size=2),
                "tunnel": st.booleans(),
                "tunnel_ping": st.lists(tunnel_addresses.map(str), max_size=2),
                "tunnel_dns": st.lists(name_servers.map(str), max_size=2),
                "tunnel_tcp": st.lists(tunnel_endpoints.map(str), max_size=2),
                "tunnel_http": st.lists(http_targets.map(str), max_size=2),
                "tunnel_ca": st.sampled_from([[], [AUTHORITY]]),
                "tunnel_mtu": st.sampled_from([0, 576, 1420, "usual"]),
                "tunnel_count": st.sampled_from([1, 3, 20]),
                "tunnel_over": st.sampled_from(["0s", "500ms", "30s"]),
                "tunnel_every": st.sampled_from(["10s", "60s", "24h"]),
                "tunnel_soak": st.sampled_from([0, "5m", "60m"]),
                "explain": st.booleans(),
                "explain_every": st.sampled_from(["10s", "1m"]),
                "try_identities": st.booleans(),
            }
        )
    )
    servers = []
    for name in draw(st.lists(names, max_size=3, unique=True)):
        interval = draw(durations(INTERVAL_RANGE))
        fail_after, fail_window, recover_after = draw(st.sampled_from(THRESHOLDS))
        servers.append(
            Server(
                name=name,
                endpoint=draw(endpoints),
                public_key=draw(public_keys),
                identity=draw(owners),
                known_keys=tuple(draw(st.lists(public_keys, max_size=2))),
                preshared_key=draw(st.none() | secrets),
                tunnel_ping=tuple(draw(st.lists(tunnel_addresses, max_size=2))),
                tags=tuple(draw(st.lists(names, max_size=2))),
                interval=interval,
                timeout=draw(
                    st.just(min(5.0, interval)) | durations((TIMEOUT_RANGE[0], min(60.0, interval)))
                ),
                slow=draw(durations(SLOW_RANGE)),
                fail_after=fail_after,
                fail_window=fail_window,
                recover_after=recover_after,
                paused=draw(st.booleans()),
                note=draw(texts),
                **draw(protocols()),
                **draw(tunnel_and_explain(interval)),
            )
        )
    return Fleet(tuple(servers), tuple(identities), defaults)
