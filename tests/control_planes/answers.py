"""Answers in the shapes of the published API descriptions, with values of our own."""

from __future__ import annotations

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
LAST_SEEN = "2026-11-29T09:30:00Z"
LAST_SEEN_AT = 1795944600.0
EXPIRY = "2026-12-29T09:30:00.5Z"
EXPIRY_AT = 1798536600.5

HEADSCALE_USER = {"id": "1", "name": "ada", "createdAt": LAST_SEEN, "displayName": "", "email": ""}

HEADSCALE_NODE_0_26 = {
    "id": "7",
    "machineKey": "mkey:00",
    "nodeKey": "nodekey:00",
    "discoKey": "discokey:00",
    "ipAddresses": ["100.64.0.7", "fd7a:115c:a1e0::7"],
    "name": "web1-local",
    "user": HEADSCALE_USER,
    "lastSeen": LAST_SEEN,
    "expiry": EXPIRY,
    "preAuthKey": None,
    "createdAt": LAST_SEEN,
    "registerMethod": "REGISTER_METHOD_CLI",
    "forcedTags": ["tag:web"],
    "invalidTags": ["tag:no"],
    "validTags": ["tag:prod"],
    "givenName": "web1",
    "online": True,
    "approvedRoutes": ["10.1.0.0/16"],
    "availableRoutes": ["10.1.0.0/16", "10.2.0.0/16"],
    "subnetRoutes": ["10.1.0.0/16"],
}

HEADSCALE_NODE_0_29 = {
    "approvedRoutes": [],
    "availableRoutes": [],
    "createdAt": LAST_SEEN,
    "discoKey": "discokey:00",
    "expiry": "0001-01-01T00:00:00Z",
    "givenName": "db1",
    "id": "8",
    "ipAddresses": ["100.64.0.8"],
    "lastSeen": LAST_SEEN,
    "machineKey": "mkey:00",
    "name": "db1",
    "nodeKey": "nodekey:00",
    "online": False,
    "preAuthKey": {"id": "1", "aclTags": [], "used": True, "expiration": None},
    "registerMethod": "REGISTER_METHOD_AUTH_KEY",
    "subnetRoutes": [],
    "tags": ["tag:db"],
    "user": HEADSCALE_USER,
}

TAILSCALE_DEVICE = {
    "addresses": ["100.101.102.103", "fd7a:115c:a1e0::103"],
    "authorized": True,
    "blocksIncomingConnections": False,
    "clientConnectivity": {"endpoints": ["192.0.2.7:41641"], "derp": "fra", "latency": {}},
    "clientVersion": "1.86.2",
    "connectedToControl": True,
    "created": "",
    "enabledRoutes": ["10.0.0.0/16"],
    "expires": EXPIRY,
    "hostname": "web1",
    "id": "50052",
    "isExternal": False,
    "keyExpiryDisabled": False,
    "lastSeen": None,
    "machineKey": "",
    "name": "web1.tail0000.ts.net",
    "nodeId": "nTEST1",
    "nodeKey": "nodekey:00",
    "os": "linux",
    "tags": ["tag:web"],
    "tailnetLockError": "",
    "updateAvailable": False,
    "user": "ada@example.com",
}

NETBIRD_PEER = {
    "id": "ch1",
    "name": "web1",
    "ip": "100.119.1.7",
    "connection_ip": "192.0.2.7",
    "connected": True,
    "last_seen": LAST_SEEN,
    "os": "linux",
    "version": "0.60.0",
    "groups": [{"id": "g1", "name": "All", "peers_count": 2}, {"id": "g2", "name": "web", "peers_count": 1}],
    "login_expired": False,
    "approval_required": False,
}

NETMAKER_HOST = {
    "id": "h1",
    "name": "web1",
    "version": "v1.1.0",
    "listenport": 51821,
    "wg_public_listen_port": 40001,
    "endpointip": "192.0.2.7",
    "publickey": KEY,
    "nodes": ["n1"],
}

NETMAKER_NODE = {
    "id": "n1",
    "hostid": "h1",
    "address": "10.101.0.7/16",
    "address6": "",
    "network": "office",
    "connected": True,
    "lastcheckin": int(LAST_SEEN_AT),
    "expdatetime": int(EXPIRY_AT),
    "egressgatewayranges": ["10.1.0.0/16"],
    "relayedby": "",
    "status": "online",
}

NETMAKER_STATUS = {
    "db_connected": True,
    "broker_connected": False,
    "is_broker_conn_open": False,
    "license_error": "",
}

INNERNET_PEER = {
    "id": 3,
    "name": "web1",
    "ip": "10.42.1.3",
    "cidr_id": 2,
    "public_key": KEY,
    "endpoint": "web1.example.net:51820",
    "persistent_keepalive_interval": 25,
    "is_admin": False,
    "is_disabled": False,
    "is_redeemed": True,
    "invite_expires": None,
    "candidates": [],
}

TAILSCALED_PEER = {
    "ID": "nTEST2",
    "PublicKey": "nodekey:00",
    "HostName": "web1",
    "DNSName": "web1.tail0000.ts.net.",
    "OS": "linux",
    "TailscaleIPs": ["100.101.102.103", "fd7a:115c:a1e0::103"],
    "Tags": ["tag:web"],
    "PrimaryRoutes": ["10.0.0.0/16"],
    "Addrs": None,
    "CurAddr": "192.0.2.7:41641",
    "Relay": "fra",
    "RxBytes": 1200,
    "TxBytes": 900,
    "Created": LAST_SEEN,
    "LastSeen": "0001-01-01T00:00:00Z",
    "LastHandshake": LAST_SEEN,
    "Online": True,
    "InNetworkMap": True,
    "InMagicSock": True,
    "InEngine": True,
    "KeyExpiry": EXPIRY,
}

TAILSCALED_STATUS = {
    "Version": "1.90.9",
    "BackendState": "Running",
    "HaveNodeKey": True,
    "TailscaleIPs": ["100.101.102.1"],
    "Self": {"ID": "nTEST1", "HostName": "bastion", "InNetworkMap": True, "Online": True},
    "Health": ["Some peers are advertising routes but --accept-routes is false"],
    "Peer": {"nodekey:00": TAILSCALED_PEER},
    "User": {},
}
