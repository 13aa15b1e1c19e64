"""The answers of each release of headscale, in the form of its description; 0.30 also by its v2 alone."""

from __future__ import annotations

from collections.abc import Mapping

from tests.control_planes.answers import EXPIRY, HEADSCALE_NODE_0_26, HEADSCALE_NODE_0_29, LAST_SEEN
from tests.control_planes.responder import Answer

_KEY = {"id": "1", "prefix": "abc", "expiration": EXPIRY, "createdAt": LAST_SEEN, "lastSeen": None}
_PREAUTH_KEY = {
    "id": "2",
    "key": "hskey-auth-secret",
    "reusable": True,
    "ephemeral": False,
    "used": False,
    "expiration": EXPIRY,
    "createdAt": LAST_SEEN,
    "aclTags": [],
    "user": None,
}
_HEALTH = {"/health": Answer({"status": "pass"})}
_DATABASE = {"/api/v1/health": Answer({"databaseConnectivity": True})}
_API_KEYS = {"/api/v1/apikey": Answer({"apiKeys": [_KEY]})}
_PREAUTH_KEYS = {"/api/v1/preauthkey": Answer({"preAuthKeys": [_PREAUTH_KEY]})}
_NEEDS_USER = {"/api/v1/preauthkey": Answer({"code": 2, "message": "user not found", "details": []}, 500)}


def _version(number: str) -> Mapping[str, Answer]:
    return {"/version": Answer({"version": number, "commit": "0", "buildTime": LAST_SEEN, "dirty": False})}


def _nodes(node: Mapping[str, object]) -> Mapping[str, Answer]:
    return {"/api/v1/node": Answer({"nodes": [node]})}


_OLD_NODE, _NEW_NODE = {**HEADSCALE_NODE_0_26, "online": False}, HEADSCALE_NODE_0_29

DEVICE = {
    "addresses": ["100.64.0.8"],
    "name": "db1.example.com",
    "id": "8",
    "nodeId": "8",
    "authorized": True,
    "user": "ada",
    "tags": ["tag:db"],
    "keyExpiryDisabled": False,
    "created": LAST_SEEN,
    "expires": EXPIRY,
    "hostname": "db1",
    "isEphemeral": False,
    "lastSeen": LAST_SEEN,
    "machineKey": "mkey:00",
    "nodeKey": "nodekey:00",
    "os": "linux",
    "clientVersion": "1.90.0",
    "updateAvailable": False,
}
"""A device of hscontrol/api/v2: without connectedToControl, and with lastSeen only while it is offline."""

_V2_KEY = {
    "id": "2",
    "keyType": "auth",
    "description": "ci",
    "created": LAST_SEEN,
    "expires": EXPIRY,
    "invalid": False,
    "capabilities": {"devices": {"create": {}}},
}

RELEASES: Mapping[str, Mapping[str, Answer]] = {
    "0.26": {**_HEALTH, **_nodes(_OLD_NODE), **_API_KEYS, **_NEEDS_USER},
    "0.27": {**_HEALTH, **_version("v0.27.1"), **_nodes(_OLD_NODE), **_DATABASE, **_API_KEYS, **_NEEDS_USER},
    "0.28": {
        **_HEALTH,
        **_version("v0.28.0"),
        **_nodes(_NEW_NODE),
        **_DATABASE,
        **_API_KEYS,
        **_PREAUTH_KEYS,
    },
    "0.29": {
        **_HEALTH,
        **_version("v0.29.2"),
        **_nodes(_NEW_NODE),
        **_DATABASE,
        **_API_KEYS,
        **_PREAUTH_KEYS,
    },
    "0.30": {
        **_HEALTH,
        **_version("v0.30.0"),
        **_nodes({**_NEW_NODE, "expiry": None, "ipAddresses": ["100.64.0.8"]}),
        **_DATABASE,
        **_API_KEYS,
        **_PREAUTH_KEYS,
    },
    "v2 alone": {
        **_HEALTH,
        **_version("v0.31.0"),
        "/api/v2/tailnet/-/devices?fields=all": Answer({"devices": [DEVICE]}),
        "/api/v2/tailnet/-/keys?all=true": Answer({"keys": [_V2_KEY]}),
    },
}
