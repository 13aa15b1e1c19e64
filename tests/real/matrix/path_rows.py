"""Rows for faults of the path, of the prober's machine, or in two places at once."""

from __future__ import annotations

from tests.real.matrix import faults
from tests.real.matrix.expectations import (
    ALLOWED_IPS,
    CLOCK,
    DROP,
    DROP_ANSWERS,
    DROP_DATA,
    DROP_DATA_OF_THE_SERVER,
    FIREWALL,
    FORGERY,
    FULL,
    OTHER_KEY,
    PATH_DROPS_DATA,
    PROHIBIT,
    RECEIVES,
    REJECT,
    SMALL_MTU,
    SOME_PSK,
    UNKNOWN_PEER,
    UNPROVEN,
    dead,
    healthy,
    psk,
    refused,
    row,
    silent,
)
from tests.real.matrix.faults import the_router
from tests.real.matrix.models import Look
from tests.real.matrix.servers import WIREGUARD_GO
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net.naive_port_check import OPEN_OR_FILTERED

ON_THE_WAY = (
    row(
        "the path drops our data after the handshake",
        dead(DROP_DATA, cause=PATH_DROPS_DATA, says="no keepalive", never_says=(RECEIVES, ALLOWED_IPS)),
        on=FULL,
    ),
    row(
        "the path drops the server's data after the handshake",
        dead(
            DROP_DATA_OF_THE_SERVER,
            cause=PATH_DROPS_DATA,
            says="no keepalive",
            never_says=(RECEIVES, ALLOWED_IPS, "does not arrive"),
        ),
        on=FULL,
    ),
    row(
        "the path drops our data after the handshake, no inner address to ask",
        dead(DROP_DATA, cause=PATH_DROPS_DATA, says="no keepalive", never_says=(RECEIVES, ALLOWED_IPS)),
        ping=(),
        on=FULL,
    ),
    # 1280 bytes less IP, UDP and WireGuard are 1220; a server's answer of that size is padded to 1232.
    row(
        "a hop of 1280 bytes",
        Look(
            Verdict.MTU_BLACKHOLE,
            (faults.a_hop_of_1280_bytes,),
            SMALL_MTU,
            ("1216 bytes pass", "1217 bytes are lost", "a hop reported MTU 1280"),
        ),
        mtu=1420,
        client_comes_after=True,  # its system remembers what a hop reports, also for the prober
        on=FULL,
    ),
    row(
        "a hop of 1280 bytes, and ICMP is filtered",
        Look(
            Verdict.MTU_BLACKHOLE,
            (faults.a_hop_of_1280_bytes, faults.the_router_sends_no_icmp),
            SMALL_MTU,
            ("1216 bytes pass", "1217 bytes are lost"),
            ("a hop named",),
        ),
        mtu=1420,
        on=FULL,
    ),
    row("a firewall drops our packets", silent(DROP, cause=FIREWALL)),
    row("a firewall drops the answers", silent(DROP_ANSWERS, cause=FIREWALL)),
    row(
        "a router rejects",
        refused(REJECT, cause="a firewall rejects", says="on the path reports: port unreachable"),
    ),
    row(
        "a router rejects, over IPv6",
        refused(REJECT, cause="a firewall rejects", says="on the path reports: port unreachable"),
        version=6,
    ),
    row(
        "administratively prohibited",
        refused(PROHIBIT, cause="a firewall rejects", says="administratively prohibited"),
    ),
    row(
        "administratively prohibited, over IPv6",
        refused(PROHIBIT, cause="a firewall rejects", says="administratively prohibited"),
        version=6,
    ),
    row(
        "a router rejects the source address, over IPv6",
        refused(
            the_router("meta nfproto ipv6 udp dport {port} reject with icmpv6 type policy-fail"),
            cause="a firewall rejects",
            says="source address failed policy",
        ),
        version=6,
        on=(WIREGUARD_GO,),
    ),
    row(
        "no machine has the address",
        refused(
            faults.the_endpoint_is_an_address_without_a_machine,
            cause="the machine is off or has another address",
            says="host unreachable",
        ),
        timeout=4.5,
    ),
    row(
        "no machine has the address, over IPv6",
        refused(
            faults.the_endpoint_is_an_address_without_a_machine,
            cause="the machine is off or has another address",
            says="address unreachable",
        ),
        version=6,
        timeout=4.5,
    ),
    # The router needs three seconds to find out: its word comes while the experiments run.
    row(
        "no machine has the address, and we wait 1.5 s",
        refused(
            faults.the_endpoint_is_an_address_without_a_machine,
            cause="the machine is off or has another address",
            says="host unreachable",
        ),
        timeout=1.5,
    ),
    row(
        "the router has no route",
        refused(
            faults.the_router_has_no_route, cause="routing to the server is broken", says="host unreachable"
        ),
    ),
    row(
        "a NAT entry is stuck",
        healthy(),
        Look(
            Verdict.STUCK_FLOW,
            (the_router("udp sport {ours} drop"),),
            "holds a stale entry for this source port",
            never_says=(UNPROVEN,),
        ),
    ),
    row(
        "a fault that comes and goes",
        healthy(),
        silent(DROP, cause=FIREWALL),
        healthy(faults.the_router_lets_all_pass_again),
        silent(DROP, cause=FIREWALL),
        timeout=1.0,
    ),
    row(
        "the way takes 600 ms",
        Look(Verdict.SLOW, (faults.the_way_takes_600_ms,), "the path or the server is slow"),
    ),
    row(
        "two of three data packets are lost",
        Look(
            Verdict.LOSSY,
            (faults.two_of_three_data_packets_are_lost,),
            "packets are lost on the path",
            ("2 of 3 echoes",),
        ),
    ),
    row(
        "a third party forges answers too",
        Look(
            Verdict.HEALTHY,
            (faults.a_third_party_forges_answers_too,),
            says=("wrong preshared key, or forged",),
        ),
    ),
    row(
        "a third party forges answers, the server is cut off",
        psk(
            faults.a_third_party_forges_answers_and_the_server_is_cut_off,
            cause=FORGERY,
            says="it proves that something answers, not who",
        ),
    ),
    row(
        "another service has the port",
        Look(
            Verdict.NOT_WIREGUARD,
            (faults.another_service_has_the_port,),
            "another service uses this port",
            ("32 32 30 20",),
            port=OPEN_OR_FILTERED,
        ),
    ),
)

OUR_SIDE = (
    row(
        "the name does not resolve",
        Look(Verdict.DNS_FAILURE, (faults.the_name_does_not_resolve,), "DNS record"),
    ),
    row(
        "we have no route",
        Look(Verdict.LOCAL_FAULT, (faults.we_have_no_route,), "a fault of this machine", ("ENETUNREACH",)),
    ),
    row(
        "our own firewall drops",
        Look(Verdict.LOCAL_FAULT, (faults.our_own_firewall("drop"),), "a fault of this machine", ("EPERM",)),
    ),
    # Such a rule sends an ICMP error too, which comes from our own address.
    row(
        "our own firewall rejects",
        Look(
            Verdict.LOCAL_FAULT,
            (faults.our_own_firewall("reject"),),
            "a fault of this machine",
            ("EPERM", "port unreachable"),
        ),
    ),
    row(
        "our own firewall rejects, over IPv6",
        Look(
            Verdict.LOCAL_FAULT,
            (faults.our_own_firewall("reject"),),
            "a fault of this machine",
            ("EPERM", "port unreachable"),
        ),
        version=6,
    ),
    row(
        "our clock was an hour ahead, the stamps are forgotten",
        healthy(faults.our_clock_is_an_hour_ahead),
        silent(faults.our_clock_is_right_again, faults.our_last_stamp_is_forgotten, cause=CLOCK),
    ),
    row(
        "our clock was an hour ahead, the stamps are kept",
        healthy(faults.our_clock_is_an_hour_ahead),
        healthy(faults.our_clock_is_right_again),
    ),
    row(
        "another prober with a faster clock uses our key",
        healthy(faults.our_clock_is_an_hour_ahead),
        silent(
            faults.our_clock_is_right_again,
            faults.our_last_stamp_is_half_an_hour_older,
            cause="another prober with a faster clock uses this key",
            says=("ahead of this machine's clock",),
        ),
    ),
)

TWO_AT_ONCE = (
    row(
        "AllowedIPs lack our address, and a hop of 1280 bytes",
        dead(faults.allowed_ips_lack_our_address, faults.a_hop_of_1280_bytes, cause=ALLOWED_IPS),
        mtu=1420,
        on=FULL,
    ),
    row(
        "the preshared keys differ, and the path drops data",
        psk(faults.the_preshared_keys_differ, DROP_DATA, cause=SOME_PSK, says="sets a preshared key"),
        on=FULL,
    ),
    row(
        "the server's key was rotated, and a firewall drops",
        silent(
            faults.our_file_has_another_server_key,
            faults.our_file_knows_the_right_key_too,
            DROP,
            cause=OTHER_KEY,
        ),
    ),
    row(
        "our peer was removed, and a NAT entry is stuck",
        healthy(),
        silent(the_router("udp sport {ours} drop"), faults.our_peer_is_removed, cause=UNKNOWN_PEER),
        on=FULL,
    ),
    row(
        "the preshared keys differ, and a third party forges answers",
        psk(
            faults.only_we_have_a_preshared_key,
            faults.a_third_party_forges_answers_too,
            cause="preshared key",
            says="preshared key",
        ),
    ),
)
