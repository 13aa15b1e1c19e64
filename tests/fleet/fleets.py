"""Fleets to test with: a small one as text, and every one that servers.toml can say."""

from __future__ import annotations

from ipaddress import ip_interface

from hypothesis import strategies as st

from wgmon_tui.fleet.records import Endpoint, Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.fleet.servers_toml import INTERVAL_RANGE, SLOW_RANGE, TIMEOUT_RANGE
from wgmon_tui.wireguard.keys import PrivateKey, PublicKey

OURS = PrivateKey(b"\x01" * 32)
THEIRS = PrivateKey(b"\x02" * 32).public
OTHERS = PrivateKey(b"\x03" * 32).public

SMALL = f"""
[[identity]]
name = "bastion"
private_key_file = "bastion.key"

[[server]]
name = "fra1"
endpoint = "fra1.example.net:51820"
public_key = "{THEIRS}"
"""

BASTION = Identity("bastion", SecretSource(SecretForm.FILE, "bastion.key"))


def server(name: str = "fra1") -> Server:
    return Server(name, Endpoint(f"{name}.example.net", 51820), THEIRS, "bastion")


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


def durations(limits: tuple[float, float]) -> st.SearchStrategy[float]:
    """Round ones, as people write them, and any other."""
    least, most = limits
    return st.floats(least, most) | st.integers(1, int(most)).map(lambda s: min(max(float(s), least), most))


secrets = st.one_of(
    keys.map(lambda raw: SecretSource(SecretForm.INLINE, PrivateKey(raw).to_text())),
    texts.filter(bool).map(lambda path: SecretSource(SecretForm.FILE, path)),
    st.lists(texts, min_size=1, max_size=3)
    .filter(lambda words: bool(words[0]))
    .map(lambda words: SecretSource(SecretForm.COMMAND, tuple(words))),
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
        st.fixed_dictionaries(
            {},
            optional={
                "identity": owners,
                "interval": st.sampled_from(["10s", "60s", "1m", "2.5s"]),
                "timeout": st.sampled_from(["200ms", "5s", "1m"]),
                "slow": st.sampled_from(["500ms", "0.5s", "1s"]),
                "paused": st.booleans(),
                "tags": st.lists(names, max_size=2),
                "tunnel_ping": st.lists(tunnel_addresses.map(str), max_size=2),
            },
        )
    )
    servers = []
    for name in draw(st.lists(names, max_size=4, unique=True)):
        interval = draw(durations(INTERVAL_RANGE))
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
                paused=draw(st.booleans()),
                note=draw(texts),
            )
        )
    return Fleet(tuple(servers), tuple(identities), defaults)
