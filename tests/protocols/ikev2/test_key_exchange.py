import pytest

from wgmon_tui.protocols.ikev2.key_exchange import InvalidShareError, new_key_exchange
from wgmon_tui.protocols.ikev2.proposals import Group

SIZES = {
    Group.MODP_1024: 128,
    Group.MODP_1536: 192,
    Group.MODP_2048: 256,
    Group.MODP_3072: 384,
    Group.MODP_4096: 512,
    Group.MODP_6144: 768,
    Group.MODP_8192: 1024,
    Group.ECP_256: 64,
    Group.ECP_384: 96,
    Group.ECP_521: 132,
    Group.CURVE25519: 32,
}


@pytest.mark.parametrize("group", Group)
def test_both_sides_share_a_secret(group: Group) -> None:
    one, other = new_key_exchange(group), new_key_exchange(group)
    assert len(one.public_value) == SIZES[group]
    assert one.share(other.public_value) == other.share(one.public_value)


@pytest.mark.parametrize("group", Group)
def test_values_outside_of_the_group_are_refused(group: Group) -> None:
    one = new_key_exchange(group)
    for value in (b"", bytes(SIZES[group]), b"\x01", bytes(SIZES[group] - 1) + b"\x01"):
        if group == Group.CURVE25519 and value not in (b"", bytes(32), b"\x01"):
            continue
        with pytest.raises(InvalidShareError):
            one.share(value)


def test_primes_are_those_of_the_rfcs() -> None:
    """The ends of the primes in RFC 2409 §6.2 and RFC 3526 §2 to §7."""
    from wgmon_tui.protocols.ikev2.key_exchange import _prime

    ends = {
        Group.MODP_1024: "49286651ece65381ffffffffffffffff",
        Group.MODP_1536: "f1746c08ca237327ffffffffffffffff",
        Group.MODP_2048: "15728e5a8aacaa68ffffffffffffffff",
        Group.MODP_3072: "4b82d120a93ad2caffffffffffffffff",
        Group.MODP_4096: "4df435c934063199ffffffffffffffff",
        Group.MODP_6144: "e694f91e6dcc4024ffffffffffffffff",
        Group.MODP_8192: "60c980dd98edd3dfffffffffffffffff",
    }
    for group, end in ends.items():
        assert f"{_prime(group):x}".endswith(end)
