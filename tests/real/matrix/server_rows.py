"""Rows for faults of a server, its peers and its inner network, with expected verdicts."""

from __future__ import annotations

from dataclasses import replace

from tests.real.fetching import Patience
from tests.real.matrix import faults
from tests.real.matrix.expectations import (
    ALLOWED_IPS,
    ANSWERED_FROM_ITS_FIRST,
    CLOCK,
    FORGERY,
    FULL,
    HUNG,
    INNER_FIREWALL,
    INNER_REFUSAL,
    NO_FORWARDING,
    NO_ROUTE_BACK,
    NO_SIZE,
    OTHER_KEY,
    OUR_PSK,
    PATH_DROPS_DATA,
    RECEIVES,
    REMOVED,
    SOME_PSK,
    UNKNOWN_PEER,
    UNPROVEN,
    absent,
    closed,
    dead,
    healthy,
    psk,
    row,
    silent,
    unproven,
)
from tests.real.matrix.faults import ICMP, inner_firewall
from tests.real.matrix.models import Look
from tests.real.matrix.servers import BORINGTUN, LINUX_KERNEL, WIREGUARD_GO
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net.naive_port_check import OPEN_OR_FILTERED

ALL_WELL = (
    row("all well", healthy(), ping=(4, 6)),
    row("all well, over IPv6", healthy(), version=6, ping=(4, 6)),
    row("all well, with a preshared key", healthy(faults.both_have_the_same_preshared_key), on=FULL),
    row("all well, and large packets pass", healthy(says="1420 bytes pass"), mtu=1420, on=FULL),
    row("all well, no inner address to ask", healthy(), ping=()),
    row(
        "all well, no inner address to ask, and it forwards",
        healthy(
            faults.its_inner_addresses_are_unusual,
            faults.the_server_forwards_in_both_versions,
            inner_firewall(f"{ICMP} drop", ("input", "forward")),  # before which it answers
            says=NO_SIZE,
        ),
        ping=(),
        on=FULL,
    ),
    # A limit: what neither forwards nor is where servers usually are has no answer that we know to ask for.
    row(
        "all well, no inner address to ask, and it does not forward",
        unproven(
            faults.its_inner_addresses_are_unusual,
            faults.our_identity_has_an_ipv4_tunnel_address_only,
            cause=NO_FORWARDING,
        ),
        ping=(),
        on=FULL,
    ),
    row(
        "all well, our identity has no tunnel address",
        unproven(faults.our_identity_has_no_tunnel_address, cause="has no tunnel address", says=(RECEIVES,)),
        ping=(),
        on=FULL,
    ),
    # boringtun answers from its first one, and so does wireguard-go, depending on its version.
    row(
        "all well at its second address",
        replace(healthy(faults.the_endpoint_is_its_second_address), if_roamed=ANSWERED_FROM_ITS_FIRST),
        on=(WIREGUARD_GO, BORINGTUN),
    ),
)

KEYS = (
    row(
        "the server's key was rotated",
        silent(faults.our_file_has_another_server_key, cause=OTHER_KEY),
        seed=1,
    ),
    row(
        "the server's key was rotated, and we know the new one",
        Look(
            Verdict.WRONG_SERVER_KEY,
            (faults.our_file_has_another_server_key, faults.our_file_knows_the_right_key_too),
            "the server's key was rotated",
            ("it answered to",),
            (UNPROVEN,),
        ),
    ),
    row("the server never had our peer", silent(faults.the_server_never_had_our_peer, cause=UNKNOWN_PEER)),
    row(
        "our peer was removed",
        healthy(),
        silent(faults.our_peer_is_removed, cause=UNKNOWN_PEER),
        seed=4,
        on=FULL,
    ),
    row(
        "our peer was removed, another identity is known",
        Look(
            Verdict.PEER_MISSING,
            (faults.our_file_has_another_identity, faults.the_server_never_had_our_peer),
            REMOVED,
            ('"spare"',),
            (UNPROVEN,),
        ),
    ),
    row(
        "our stamp lags behind the server's, another identity is known",
        healthy(faults.our_file_has_another_identity, faults.our_clock_is_an_hour_ahead),
        Look(
            Verdict.PEER_MISSING,
            (faults.our_clock_is_right_again, faults.our_last_stamp_is_forgotten),
            CLOCK,
        ),
    ),
    row(
        "only we have a preshared key",
        psk(
            faults.only_we_have_a_preshared_key,
            cause=OUR_PSK,
            says="has no preshared key for this identity",
            never_says=(FORGERY,),
        ),
        seed=2,
    ),
    row(
        "only the server has a preshared key",
        psk(faults.only_the_server_has_a_preshared_key, cause=SOME_PSK, says="sets no preshared key"),
        seed=2,
        on=FULL,
    ),
    row(
        "the preshared keys differ",
        psk(faults.the_preshared_keys_differ, cause=SOME_PSK, says="sets a preshared key"),
        seed=2,
        on=FULL,
    ),
    row(
        "the preshared key is that of another server",
        psk(
            faults.the_preshared_keys_differ,
            faults.its_preshared_key_is_in_our_file_for_another_server,
            cause=OUR_PSK,
            says='the preshared key of server "fra1"',
            never_says=(FORGERY, "ams1"),
        ),
        seed=2,
        on=FULL,
    ),
)

INSIDE = (
    row(
        "AllowedIPs lack our address",
        dead(faults.allowed_ips_lack_our_address, cause=ALLOWED_IPS),
        seed=3,
        on=FULL,
    ),
    row(
        "our address moved to another peer",
        healthy(),
        dead(faults.our_address_moved_to_another_peer, cause=ALLOWED_IPS),
        seed=3,
        on=FULL,
    ),
    # A limit: without an inner address nobody can see more than that data arrives. It is not green.
    row(
        "AllowedIPs lack our address, no inner address to ask",
        unproven(faults.allowed_ips_lack_our_address, cause=ALLOWED_IPS),
        ping=(),
        seed=3,
        on=FULL,
    ),
    row(
        "AllowedIPs lack our address, no inner address to ask, and it forwards",
        unproven(
            faults.allowed_ips_lack_our_address,
            faults.the_server_forwards_in_both_versions,
            cause=ALLOWED_IPS,
        ),
        ping=(),
        seed=3,
        on=FULL,
    ),
    row(
        "our address moved to another peer, no inner address to ask",
        healthy(),
        unproven(faults.our_address_moved_to_another_peer, cause=ALLOWED_IPS),
        ping=(),
        seed=3,
        on=FULL,
    ),
    row(
        "AllowedIPs lack our IPv6 address, no inner address to ask",
        unproven(
            faults.allowed_ips_lack_our_ipv6_address,
            cause=ALLOWED_IPS,
            says=("answers inside, but nothing came back over IPv6",),
        ),
        ping=(),
        seed=3,
        on=FULL,
    ),
    row(
        "an inner firewall rejects, no inner address to ask",
        unproven(
            inner_firewall(f"{ICMP} reject with icmpx admin-prohibited"),
            cause=INNER_REFUSAL,
            says=("communication administratively prohibited",),
        ),
        ping=(),
        on=FULL,
    ),
    row(
        "the inner address is not there",
        absent(faults.we_ask_an_inner_address_that_is_not_there),
        on=FULL,
    ),
    row(
        "the inner address is not there, and the server forwards",
        absent(
            faults.we_ask_an_inner_address_that_is_not_there,
            faults.the_server_forwards,
            says="host unreachable",
        ),
        on=(LINUX_KERNEL,),
    ),
    row(
        "the inner address is not there, and the server forwards",
        absent(
            faults.we_ask_an_inner_address_that_is_not_there,
            faults.the_server_forwards,
            never_says=(INNER_REFUSAL,),  # it redirects us, which refuses nothing
        ),
        on=(WIREGUARD_GO,),
    ),
    row(
        "one of two inner addresses is not there",
        Look(
            Verdict.INNER_DEAD,
            (faults.we_ask_another_inner_address_too,),
            "the inner host or service is down",
            ("10.7.",),
            (ALLOWED_IPS, NO_ROUTE_BACK),
        ),
        on=FULL,
    ),
    row(
        "an inner firewall drops",
        dead(
            inner_firewall("drop"),
            faults.our_identity_has_an_ipv4_tunnel_address_only,
            cause=INNER_FIREWALL,
        ),
        on=FULL,
    ),
    row(
        "an inner firewall rejects",
        dead(
            inner_firewall("reject with icmpx admin-prohibited"),
            faults.our_identity_has_an_ipv4_tunnel_address_only,
            cause=INNER_REFUSAL,
            says="communication administratively prohibited",
            never_says=(PATH_DROPS_DATA, ALLOWED_IPS, NO_ROUTE_BACK),
        ),
        on=FULL,
    ),
    row(
        "the server has no route back, no inner address to ask",
        unproven(
            faults.no_route_back,
            faults.our_identity_has_an_ipv4_tunnel_address_only,
            cause="the server has no route back",
        ),
        ping=(),
        on=FULL,
    ),
    row(
        "the server has no route back",
        dead(
            faults.no_route_back,
            faults.our_identity_has_an_ipv4_tunnel_address_only,
            cause=NO_ROUTE_BACK,
        ),
        on=FULL,
    ),
    row(
        "the server has no route back over IPv4, and IPv6 works",
        dead(faults.no_route_back, cause=NO_ROUTE_BACK, says="nothing comes back over IPv4"),
        on=FULL,
    ),
    row(
        "the interface is down",
        dead(faults.the_interface_is_down, cause="its interface is down"),
        on=(WIREGUARD_GO,),
    ),
    row(
        "the interface is down",
        closed(faults.the_interface_is_down),
        on=(LINUX_KERNEL,),
    ),
)

ITS_PROCESS = (
    row(
        "nothing listens",
        closed(faults.the_server_is_stopped),
    ),
    row(
        "nothing listens, over IPv6",
        closed(faults.the_server_is_stopped),
        version=6,
    ),
    row(
        "the server hangs, then goes on",
        silent(faults.the_server_hangs, cause=HUNG),
        healthy(faults.the_server_goes_on, says="an authentic answer arrived late"),
        seed=6,
        freezes=True,
    ),
    row(
        "the server is flooded",
        Look(
            Verdict.UNDER_LOAD,
            (faults.the_server_is_flooded,),
            "the server is flooded with handshakes",
            ("demanded a cookie",),
            port=OPEN_OR_FILTERED,
        ),
        seed=5,
        freezes=True,
        patience=Patience(without_progress_s=20.0, altogether_s=40.0),  # a client retries every five seconds
        on=FULL,
    ),
    row(
        "the server is flooded",
        Look(
            Verdict.UNDER_LOAD,
            (faults.ten_initiations_of_ours_came,),
            "the server is flooded with handshakes",
            ("demanded a cookie",),
            port=OPEN_OR_FILTERED,
        ),
        seed=5,
        patience=Patience(without_progress_s=20.0, altogether_s=40.0),
        on=(BORINGTUN,),
    ),
)
