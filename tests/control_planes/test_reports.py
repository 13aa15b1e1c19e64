"""What is read of the answers of each control plane, also of other releases and of damaged answers."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.control_planes.answers import (
    EXPIRY,
    EXPIRY_AT,
    HEADSCALE_NODE_0_26,
    HEADSCALE_NODE_0_29,
    INNERNET_PEER,
    KEY,
    LAST_SEEN,
    LAST_SEEN_AT,
    NETBIRD_PEER,
    NETMAKER_HOST,
    NETMAKER_NODE,
    NETMAKER_STATUS,
    TAILSCALE_DEVICE,
)
from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node, Part
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.control_planes.api import ControlPlaneApi
from wgmon_tui.control_planes.expiries import find_expiries
from wgmon_tui.control_planes.headscale.api import HeadscaleApi
from wgmon_tui.control_planes.innernet.api import InnernetApi
from wgmon_tui.control_planes.netbird.api import NetbirdApi
from wgmon_tui.control_planes.netmaker.api import NetmakerApi
from wgmon_tui.control_planes.tailscale.api import TailscaleApi

APIS: tuple[ControlPlaneApi, ...] = (
    HeadscaleApi(),
    TailscaleApi(),
    NetbirdApi(),
    NetmakerApi(),
    InnernetApi(),
)
WHOLE: Mapping[str, Mapping[str, object]] = {
    "HeadscaleApi": {
        "health": {"status": "pass"},
        "version": {"version": "v0.28.0"},
        "nodes": {"nodes": [HEADSCALE_NODE_0_26, HEADSCALE_NODE_0_29]},
        "database": {"databaseConnectivity": True},
        "api keys": {"apiKeys": [{"id": "1", "prefix": "abc", "expiration": EXPIRY, "lastSeen": None}]},
        "preauth keys": {"preAuthKeys": []},
    },
    "TailscaleApi": {"devices": {"devices": [TAILSCALE_DEVICE]}},
    "NetbirdApi": {"peers": [NETBIRD_PEER], "setup keys": []},
    "NetmakerApi": {"status": NETMAKER_STATUS, "hosts": [NETMAKER_HOST], "nodes": [NETMAKER_NODE]},
    "InnernetApi": {"state": {"peers": [INNERNET_PEER], "cidrs": []}},
}


def whole(api: ControlPlaneApi) -> Mapping[str, object]:
    return WHOLE[type(api).__name__]


def test_a_node_of_headscale_0_26_has_the_tags_of_all_three_fields() -> None:
    [node, _] = HeadscaleApi().read(WHOLE["HeadscaleApi"]).nodes
    assert node == Node(
        id="7",
        name="web1",
        addresses=(ip_address("100.64.0.7"), ip_address("fd7a:115c:a1e0::7")),
        online=True,
        last_seen=LAST_SEEN_AT,
        key_expiry=EXPIRY_AT,
        tags=("tag:web", "tag:prod"),
        routes=("10.1.0.0/16",),
    )


def test_a_node_of_headscale_0_29_whose_key_never_expires_has_no_expiry() -> None:
    [_, node] = HeadscaleApi().read(WHOLE["HeadscaleApi"]).nodes
    assert (node.key_expiry, node.online, node.tags) == (None, False, ("tag:db",))


def test_headscale_0_30_answers_in_the_form_of_tailscale() -> None:
    answer = {"devices": [{**TAILSCALE_DEVICE, "id": "7", "nodeId": None, "clientConnectivity": None}]}
    [node] = HeadscaleApi().read({"health": {"status": "pass"}, "nodes": answer}).nodes
    assert (node.id, node.online, node.relay) == ("7", True, "")


def test_the_database_of_headscale_is_a_part_where_the_release_reports_it() -> None:
    answers = WHOLE["HeadscaleApi"]
    assert HeadscaleApi().read(answers).parts == (Part("health check", True), Part("database", True))
    older = {key: value for key, value in answers.items() if key != "database"}
    assert HeadscaleApi().read(older).parts == (Part("health check", True),)


def test_a_preauth_key_that_was_used_up_does_not_expire_any_more() -> None:
    used = {"id": "1", "used": True, "reusable": False, "expiration": EXPIRY}
    reusable = {"id": "2", "used": True, "reusable": True, "expiration": EXPIRY}
    answers = {**WHOLE["HeadscaleApi"], "preauth keys": {"preAuthKeys": [used, reusable]}}
    assert HeadscaleApi().read(answers).expiries == (
        Expires("API key", "abc", EXPIRY_AT),
        Expires("preauth key", "2", EXPIRY_AT),
    )


def test_a_device_of_tailscale() -> None:
    [node] = TailscaleApi().read(WHOLE["TailscaleApi"]).nodes
    assert (node.id, node.online, node.last_seen, node.key_expiry) == ("nTEST1", True, None, EXPIRY_AT)
    assert (node.version, node.relay, node.trouble) == ("1.86.2", "fra", "")


def test_a_device_without_key_expiry_has_none() -> None:
    device = {**TAILSCALE_DEVICE, "keyExpiryDisabled": True}
    [node] = TailscaleApi().read({"devices": {"devices": [device]}}).nodes
    assert node.key_expiry is None


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ({"authorized": False}, "it is not authorized"),
        ({"tailnetLockError": "not signed"}, "tailnet lock: not signed"),
    ],
)
def test_an_objection_of_tailscale_is_the_trouble_of_a_device(
    change: Mapping[str, object], trouble: str
) -> None:
    [node] = TailscaleApi().read({"devices": {"devices": [{**TAILSCALE_DEVICE, **change}]}}).nodes
    assert node.trouble == trouble


def test_a_revoked_key_of_tailscale_does_not_expire_any_more() -> None:
    keys = [
        {"id": "k1", "keyType": "auth", "description": "ci", "expires": EXPIRY},
        {"id": "k2", "keyType": "auth", "expires": EXPIRY, "revoked": LAST_SEEN},
    ]
    answers = {**WHOLE["TailscaleApi"], "keys": {"keys": keys}}
    assert TailscaleApi().read(answers).expiries == (Expires("auth key", "ci (k1)", EXPIRY_AT),)


def test_a_peer_of_netbird_has_its_groups_as_tags() -> None:
    [node] = NetbirdApi().read(WHOLE["NetbirdApi"]).nodes
    assert (node.online, node.tags, node.public_key) == (True, ("All", "web"), "")


def test_a_peer_of_netbird_whose_login_expired_is_in_trouble() -> None:
    [node] = NetbirdApi().read({"peers": [{**NETBIRD_PEER, "login_expired": True}]}).nodes
    assert node.trouble == "its login has expired"


def test_a_node_of_netmaker_has_the_key_and_the_outer_port_of_its_host() -> None:
    report = NetmakerApi().read(WHOLE["NetmakerApi"])
    [node] = report.nodes
    assert (node.name, node.public_key, node.endpoint) == ("web1", KEY, "192.0.2.7:40001")
    assert (node.online, node.addresses) == (True, (ip_address("10.101.0.7"),))
    assert report.parts == (Part("database", True), Part("broker", False))


def test_a_node_of_netmaker_without_its_host_keeps_its_id_as_name() -> None:
    [node] = NetmakerApi().read({**WHOLE["NetmakerApi"], "hosts": []}).nodes
    assert (node.name, node.public_key, node.endpoint) == ("n1", "", "")


def test_a_peer_of_innernet_can_be_checked_by_a_handshake() -> None:
    [node] = InnernetApi().read(WHOLE["InnernetApi"]).nodes
    assert (node.public_key, node.endpoint, node.online) == (KEY, "web1.example.net:51820", None)


def test_an_invitation_of_innernet_expires_until_it_is_redeemed() -> None:
    end = {"secs_since_epoch": 1798536600, "nanos_since_epoch": 0}
    invited = {**INNERNET_PEER, "is_redeemed": False, "invite_expires": end}
    redeemed = {**INNERNET_PEER, "invite_expires": end}
    report = InnernetApi().read({"state": {"peers": [invited, redeemed], "cidrs": []}})
    assert report.expiries == (Expires("invitation", "web1", 1798536600.0),)


@pytest.mark.parametrize("api", APIS, ids=lambda each: type(each).__name__)
def test_known_releases_have_no_drift(api: ControlPlaneApi) -> None:
    assert api.read(whole(api)).drift == ()


def test_a_field_that_is_missing_is_named_once_and_hides_no_node() -> None:
    without = [
        {key: value for key, value in node.items() if key != "online"}
        for node in (HEADSCALE_NODE_0_26, HEADSCALE_NODE_0_29)
    ]
    report = HeadscaleApi().read({**WHOLE["HeadscaleApi"], "nodes": {"nodes": without}})
    assert report.drift == ("nodes.online",)
    assert [(node.name, node.online) for node in report.nodes] == [("web1", None), ("db1", None)]


def test_a_field_of_another_type_is_named_and_read_as_nothing() -> None:
    changed = {**HEADSCALE_NODE_0_26, "ipAddresses": ["no address"], "expiry": 5, "online": "yes"}
    report = HeadscaleApi().read({**WHOLE["HeadscaleApi"], "nodes": {"nodes": [changed]}})
    assert set(report.drift) == {"nodes.ipAddresses", "nodes.expiry", "nodes.online"}
    assert report.nodes[0].addresses == ()


HUGE = 10**400
"""JSON has numbers of any length; no float has this one."""


def test_a_number_that_nothing_can_count_is_named_and_read_as_nothing() -> None:
    seen = {**NETMAKER_NODE, "lastcheckin": HUGE}
    report = NetmakerApi().read({**WHOLE["NetmakerApi"], "nodes": [seen]})
    assert report.drift == ("lastcheckin",)
    assert [node.last_seen for node in report.nodes] == [None]


def test_a_time_that_nothing_can_count_is_named_and_read_as_nothing() -> None:
    end = {"secs_since_epoch": HUGE, "nanos_since_epoch": 0}
    invited = {**INNERNET_PEER, "is_redeemed": False, "invite_expires": end}
    report = InnernetApi().read({"state": {"peers": [invited], "cidrs": []}})
    assert len(report.drift) == 1
    assert report.expiries == ()


def test_an_unknown_field_changes_nothing() -> None:
    more = {**NETBIRD_PEER, "new_in_2027": {"deep": [1]}}
    assert NetbirdApi().read({"peers": [more]}) == NetbirdApi().read({"peers": [NETBIRD_PEER]})


def test_control_characters_of_a_name_are_not_kept() -> None:
    [node] = NetbirdApi().read({"peers": [{**NETBIRD_PEER, "name": "a\x1b]0;b\x07"}]}).nodes
    assert node.name.isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(HUGE) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn, value: object) -> object:
    """A whole answer in which some values were replaced by others."""
    if draw(st.integers(0, 9)) == 0:
        return draw(json_values)
    if isinstance(value, dict):
        return {key: draw(damaged(each)) for key, each in value.items()}
    if isinstance(value, list):
        return [draw(damaged(each)) for each in value]
    return value


@pytest.mark.parametrize("api", APIS, ids=lambda each: type(each).__name__)
@given(data=st.data())
def test_no_answer_raises(api: ControlPlaneApi, data: st.DataObject) -> None:
    answers = data.draw(damaged(dict(whole(api))))
    report = api.read(answers if isinstance(answers, dict) else {})
    assert all(node.name.isprintable() for node in report.nodes)


def test_the_end_of_a_node_of_netmaker_is_listed_once() -> None:
    report = NetmakerApi().read(WHOLE["NetmakerApi"])
    assert find_expiries(report, EXPIRY_AT - 1.0) == [Expires("node key", "web1", EXPIRY_AT - 0.5)]


def test_keys_and_nodes_of_the_same_name_are_told_apart_where_their_ends_are_listed() -> None:
    key = {"name": "ci", "valid": True, "revoked": False, "expires": EXPIRY}
    keys = NetbirdApi().read({"peers": [], "setup keys": [{**key, "id": "1"}, {**key, "id": "2"}]}).expiries
    assert {each.name for each in keys} == {"ci (1)", "ci (2)"}
    nodes = (
        Node("1", "web", key_expiry=10.0),
        Node("2", "web", key_expiry=20.0),
        Node("3", "db", key_expiry=30.0),
    )
    found = find_expiries(ControlPlaneReport(nodes), 0.0)
    assert [each.name for each in found] == ["web (1)", "web (2)", "db"]


def test_nodes_that_ended_long_ago_leave_room_for_what_ends_next() -> None:
    day = 86_400.0
    now = 1000 * day
    lately = tuple(Node(f"o{each}", f"old{each}", key_expiry=now - each * day / 10) for each in range(1, 200))
    forgotten = Node("f", "forgotten", key_expiry=now - 31 * day)
    report = ControlPlaneReport(
        (*lately, forgotten, Node("w", "web", key_expiry=now + 90 * day)),
        expiries=(Expires("API key", "abc", now + 6 * day),),
    )
    found = find_expiries(report, now)
    assert len(found) == 50
    assert [each.name for each in found[-3:]] == ["old1", "abc", "web"]
    assert find_expiries(ControlPlaneReport((forgotten,)), now) == []


def test_a_key_of_the_control_plane_is_noted_beside_many_nodes_that_end_earlier() -> None:
    nodes = tuple(Node(str(each), f"n{each}", key_expiry=100.0 + each) for each in range(200))
    key = Expires("API key", "abc", 6 * 86_400.0)
    found = find_expiries(ControlPlaneReport(nodes, expiries=(key,)), 0.0)
    assert len(found) == 50
    assert found[-1] == key
