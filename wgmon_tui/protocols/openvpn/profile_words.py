"""The directives of a profile: which a check reads, which do not concern it, and which it cannot do.

Source: openvpn(8), version 2.6.
"""

from __future__ import annotations

FILES = frozenset(
    (
        "ca",
        "cert",
        "key",
        "pkcs12",
        "extra-certs",
        "crl-verify",
        "tls-auth",
        "tls-crypt",
        "tls-crypt-v2",
        "auth-user-pass",
        "askpass",
        "secret",
    )
)
"""Directives whose first word is the name of a file, or whose block holds its content."""

PRIVATE_FILES = frozenset(
    ("key", "pkcs12", "tls-auth", "tls-crypt", "tls-crypt-v2", "auth-user-pass", "askpass", "secret")
)
"""Those whose file is a secret."""

_UNRELATED = """
    allow-compression allow-pull-fqdn allow-recursive-routing auth-nocache auth-retry auth-token-user
    bcast-buffers bind bind-dev block-ipv6 block-outside-dns cd chroot client client-nat comp-noadapt
    connect-freq-initial connect-retry connect-retry-max connect-timeout daemon dev-node dhcp-option
    dhcp-release dhcp-renew disable-dco disable-occ dns down down-pre ecdh-curve echo engine
    errors-to-stderr fast-io float group hand-window http-proxy-option http-proxy-retry http-proxy-user-pass
    ifconfig-noexec ifconfig-nowarn ignore-unknown-option inactive ip-win32 ipchange keepalive
    keying-material-exporter link-mtu lladdr local log log-append lport machine-readable-output management
    management-client management-client-auth management-client-group management-client-user
    management-forget-disconnect management-hold management-log-cache management-query-passwords
    management-query-proxy management-query-remote management-signal management-up-down mark max-routes
    memstats mlock mssfix mtu-disc mtu-test multihome mute mute-replay-warnings ncp-disable nice
    no-name-remapping nobind passtos persist-key persist-local-ip persist-remote-ip persist-tun ping
    ping-exit ping-restart ping-timer-rem port-share preresolve providers pull pull-filter push-peer-info
    rcvbuf redirect-gateway redirect-private register-dns remap-usr1 remote-random reneg-bytes reneg-pkts
    reneg-sec replay-persist replay-window resolv-retry route route-delay route-gateway route-ipv6
    route-ipv6-gateway route-method route-metric route-noexec route-nopull route-pre-down route-up
    script-security server-poll-timeout service session-timeout setcon setenv-safe shaper show-net-up
    single-session sndbuf socket-flags socks-proxy-retry status status-version suppress-timestamps syslog
    tap-sleep tcp-nodelay tcp-queue-limit tls-client tls-exit tls-export-cert tls-timeout tmp-dir topology
    tran-window tun-mtu-extra txqueuelen up up-delay up-restart use-prediction-resistance user verb
    verify-client-cert vlan-accept win-sys windows-driver writepid x509-track x509-username-field
"""
UNRELATED = frozenset(_UNRELATED.split())
"""Directives of routes, files, logs and privileges, which the packets of a check do not depend on."""

UNCHECKED = {
    "capath": "the authorities of that directory are not read",
    "proto-force": "remotes of every protocol are taken",
    "remote-random-hostname": "no random label is put before the host",
    "ns-cert-type": "the Netscape type of the server's certificate is not compared",
    "verify-hash": "the hash of the authority's certificate is not compared",
    "tls-verify": "its program is not run",
    "plugin": "the plug-in is not loaded",
}
"""Directives that a client obeys and a check does not, with what that means."""

DEMANDS = frozenset(("tls-ciphersuites", "tls-groups", "ns-cert-type", "verify-hash", "tls-verify"))
"""Those by which a client may refuse a server that a check accepts. An experiment tries the first two."""

UNSUPPORTED = {
    "secret": "a profile with a static key has no handshake that could be checked; use one with certificates",
    "http-proxy": "a proxy on the way to the server is not supported; remove it if it is not needed",
    "socks-proxy": "a proxy on the way to the server is not supported; remove it if it is not needed",
    "pkcs11-id": "a key on a smart card is not supported; use a certificate with a key file",
    "pkcs11-providers": "a key on a smart card is not supported; use a certificate with a key file",
    "cryptoapicert": "a key in the Windows certificate store is not supported; use one with a key file",
    "management-external-key": "a key behind the management interface is not supported; use a key file",
    "server": "this is the configuration of a server; use the profile of a client",
    "tls-server": "this is the configuration of a server; use the profile of a client",
}
"""Directives that make a profile unusable here, with the phrase that says so."""
