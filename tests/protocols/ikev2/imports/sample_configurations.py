"""Configurations of IKEv2 clients, and their import."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.config.imports.protocol_import import read_nothing_beside
from wgmon_tui.config.protocol_settings import Imported, ImportedServer
from wgmon_tui.protocols.ikev2.imports.reading import read_import as read_with_files

SWANCTL = """\
base {
  version = 2 # IKEv2
  proposals = aes256-sha256-modp2048,3des-sha1-modp1024
}
connections {
  fra1 : base {
    remote_addrs = fra1.example.net
    local { auth = psk
      id = monitor@example.net }
    remote-1 { auth = psk
      id = fra1.example.net }
  }
  ams1 {
    remote_addrs = 192.0.2.7, 192.0.2.8
    remote_port = 4500
    local { auth = eap-mschapv2
      eap_id = ada }
    remote { auth = pubkey
      cacerts = ours.pem }
  }
  lon1 {
    remote_addrs = lon1.example.net
    local { auth = pubkey
      certs = monitor.pem }
    remote { auth = pubkey }
  }
}
secrets {
  ike-any { secret = "not this one" }
  ike-1 {
    id-1 = monitor@example.net
    secret = "hunter2 \\"quoted\\""
  }
  eap-ada { id = ada
    secret = 0x68756e74657233 }
  private { file = monitor.key }
}
"""
IPSEC = """\
config setup
    uniqueids=no
conn %default
    keyexchange=ikev2
    ike=aes128gcm16-prfsha256-ecp256!
conn monitored
    authby=secret
    leftid=@monitor.example.net
conn fra1
    also=monitored
    right=fra1.example.net   # the first
    rightid=@fra1.example.net
conn ams1
    right=2001:db8::7
    leftauth=eap-mschapv2
    rightauth=pubkey
    eap_identity=ada

# ipsec.secrets
monitor.example.net fra1.example.net : PSK "hunter2"
: PSK "not this one"
ada : EAP "hunter3"
"""
WINDOWS = """\
Add-VpnConnection -Name "fra 1" -ServerAddress fra1.example.net `
  -TunnelType "Ikev2" -AuthenticationMethod Eap
Set-VpnConnectionIPsecConfiguration -ConnectionName "fra 1" -EncryptionMethod AES256 `
  -IntegrityCheckMethod SHA256 -DHGroup Group14 -PassThru -Force
"""


def read_all(text: str, name: str) -> Sequence[Imported]:
    return read_with_files(text, name, read_nothing_beside)


def read_import(text: str, name: str) -> list[ImportedServer]:
    return [each for each in read_all(text, name) if isinstance(each, ImportedServer)]


def texts(server: ImportedServer) -> dict[str, str]:
    return {key: secret.to_text() for key, secret in server.secrets.items()}
