"""Profiles of phones, .mobileconfig and .sswan: what becomes of each."""

from __future__ import annotations

import json
import plistlib
from base64 import b64encode

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.hazmat.primitives.serialization import NoEncryption as Open

from tests.protocols.ikev2.certificates import issue, make_authority
from tests.protocols.ikev2.imports.sample_configurations import read_import, texts


def mobileconfig(**settings: object) -> str:
    authority = make_authority()
    monitor = issue("monitor.example.net", authority)
    packed = pkcs12.serialize_key_and_certificates(
        b"m", monitor.key, monitor.certificate, None, BestAvailableEncryption(b"open")
    )
    profile = {
        "PayloadType": "Configuration",
        "PayloadContent": [
            {
                "PayloadType": "com.apple.vpn.managed",
                "UserDefinedName": "fra1",
                "VPNType": "IKEv2",
                "IKEv2": {"RemoteAddress": "fra1.example.net", "LocalIdentifier": "m", **settings},
            },
            {
                "PayloadType": "com.apple.security.root",
                "PayloadContent": authority.certificate.public_bytes(Encoding.DER),
            },
            {"PayloadUUID": "own", "PayloadContent": packed, "Password": "open"},
        ],
    }
    return plistlib.dumps(profile).decode()


def test_a_mobileconfig_gives_its_secret_and_its_authority() -> None:
    text = mobileconfig(
        AuthenticationMethod="SharedSecret",
        SharedSecret="hunter2",
        IKESecurityAssociationParameters={"EncryptionAlgorithm": "AES-256-GCM", "DiffieHellmanGroup": 19},
    )
    [server] = read_import(text, "fra1.mobileconfig")
    assert server.settings == {"local_id": "m", "proposals": ["aes256gcm16-prfsha256-ecp256"]}
    assert texts(server)["secret"] == "hunter2"
    assert texts(server)["ca"].startswith("-----BEGIN CERTIFICATE-----\n")


def test_a_mobileconfig_gives_the_certificate_that_it_packs() -> None:
    text = mobileconfig(AuthenticationMethod="Certificate", PayloadCertificateUUID="own")
    [server] = read_import(text, "fra1.mobileconfig")
    assert texts(server)["certificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert texts(server)["key"].startswith("-----BEGIN PRIVATE KEY-----")


def sswan() -> str:
    authority = make_authority()
    monitor = issue("monitor.example.net", authority)
    packed = pkcs12.serialize_key_and_certificates(b"m", monitor.key, monitor.certificate, None, Open())
    profile = {
        "uuid": "x",
        "name": "fra1",
        "type": "ikev2-cert",
        "remote": {
            "addr": "fra1.example.net",
            "id": "vpn.example.net",
            "cert": b64encode(authority.certificate.public_bytes(Encoding.DER)).decode(),
        },
        "local": {"p12": b64encode(packed).decode()},
        "ike-proposal": "aes256-sha256-ecp384",
    }
    return json.dumps(profile)


def test_a_sswan_profile_gives_its_certificate() -> None:
    [server] = read_import(sswan(), "fra1.sswan")
    assert server.settings == {
        "remote_id": "vpn.example.net",
        "proposals": ["aes256-sha256-prfsha256-ecp384"],
    }
    assert set(server.secrets) == {"certificate", "key", "ca"}
