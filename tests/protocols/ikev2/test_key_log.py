"""The tables that Wireshark decrypts a session with. tests/real shows that it does."""

from __future__ import annotations

from tests.protocols.ikev2.esp_sessions import SUITES, sessions
from wgmon_tui.checks.key_log import KeyLogFormat
from wgmon_tui.protocols.ikev2.key_derivation import KeyMaterial, Nonces
from wgmon_tui.protocols.ikev2.key_log import esp_secret, ike_secret, make_key_logs
from wgmon_tui.protocols.ikev2.proposals import parse_proposal
from wgmon_tui.protocols.ikev2.security_association import SaProposal

NONCES = Nonces(b"n", b"m", bytes.fromhex("01" * 8), bytes.fromhex("02" * 8))


def ike_line(words: str) -> str:
    keys = KeyMaterial(*(bytes((number,)) * 2 for number in range(7)))
    return ike_secret(SaProposal(parse_proposal(words).transforms), NONCES, keys)


def test_a_line_of_cbc_has_the_keys_of_integrity() -> None:
    assert ike_line("aes256-sha256-ecp256") == (
        '0101010101010101,0202020202020202,0303,0404,"AES-CBC-256 [RFC3602]",'
        '0101,0202,"HMAC_SHA2_256_128 [RFC4868]"'
    )


def test_an_algorithm_that_wireshark_lacks_gives_no_line() -> None:
    assert ike_line("chacha20poly1305-prfsha256-ecp256") == ""
    chacha = next(each for each in SUITES if each.name == "chacha20")
    assert esp_secret(sessions(chacha)[0].sending, 4) == ""


def test_a_line_of_esp_has_its_spi_and_the_key_with_its_salt() -> None:
    sending = sessions(SUITES[0])[0].sending
    key = f"0x{sending.keys.encryption.hex()}"
    assert esp_secret(sending, 6) == (
        f'"IPv6","*","*","0x55667788","AES-GCM with 16 octet ICV [RFC4106]","{key}","NULL",""'
    )


def test_each_table_is_a_log_of_its_own_without_secrets_in_its_repr() -> None:
    lines = [ike_line("aes128-sha256-ecp256"), "", esp_secret(sessions(SUITES[0])[0].sending, 4)]
    logs = make_key_logs([*lines, lines[0]])
    assert [each.format for each in logs] == [KeyLogFormat.IKEV2, KeyLogFormat.ESP]
    assert logs[0].lines() == f"{lines[0]}\n"
    assert "0303" not in repr(logs)


def test_no_session_gives_no_table() -> None:
    assert make_key_logs([]) == ()
