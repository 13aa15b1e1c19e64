"""Tests of keys as text, as strict as wg, and of secrets, which never print."""

from __future__ import annotations

import base64
import copy
import pickle
import pprint
import traceback
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.wireguard.handshake_parties import CLIENT, PSK, SERVER, attempt, complete_handshake
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.config.keys import (
    NO_PRESHARED_KEY,
    InvalidKeyError,
    PresharedKey,
    PrivateKey,
    PublicKey,
    decode_key,
)
from wgmon_tui.config.models import SecretForm, SecretSource, Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.handshake import Initiator, RejectedError, Responder
from wgmon_tui.protocols.wireguard.targets import Target

RAW_KEYS = st.binary(min_size=32, max_size=32)
TEXT = CLIENT.to_text()
ODD_CHARACTERS = "AZaz09+/=-_ \n\t\0é\u2003\ud800😀"
HANDS = complete_handshake(PSK)
TARGET = Target(
    server=Server("fra1", Endpoint("192.0.2.1", 51820), SERVER.public, identity="bastion"),
    private_key=CLIENT,
    preshared_key=PSK,
)
HOLDERS = {
    "private key": CLIENT,
    "preshared key": PSK,
    "session": HANDS.client,
    "initiator": Initiator(CLIENT, SERVER.public, PSK),
    "attempt": HANDS.attempt,
    "responder": Responder(SERVER),
    "received initiation": Responder(SERVER).open(HANDS.attempt.packet),
    "target": TARGET,
}
SECRETS = (
    CLIENT.raw,
    SERVER.raw,
    PSK.raw,
    HANDS.client._send_key,
    HANDS.client._receive_key,
    HANDS.attempt.ephemeral,
    HANDS.attempt.chain,
)


def written(secret: bytes) -> tuple[str, ...]:
    """The forms in which a secret could appear in a text, whole or in part."""
    return (
        base64.b64encode(secret).decode()[:20],
        base64.urlsafe_b64encode(secret).decode()[:20],
        secret.hex()[:20],
        secret.hex().upper()[:20],
        repr(secret)[2:30],
        str(list(secret))[1:40],
    )


@given(RAW_KEYS)
def test_a_key_reads_back_from_its_text(raw: bytes) -> None:
    assert PrivateKey.from_text(PrivateKey(raw).to_text()) == PrivateKey(raw)
    assert PresharedKey.from_text(PresharedKey(raw).to_text()) == PresharedKey(raw)
    assert PublicKey.from_text(str(PublicKey(raw))) == PublicKey(raw)


def test_the_blanks_and_the_newline_around_a_key_in_a_file_do_not_matter() -> None:
    assert PrivateKey.from_text(f"  {TEXT}\n") == CLIENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        TEXT + "=",
        TEXT + TEXT,
        TEXT[:-2] + "9=",
        TEXT[:20] + "\n" + TEXT[20:],
        TEXT[:20] + " " + TEXT[21:],
        TEXT[:20] + "-" + TEXT[21:],
        TEXT[:20] + "é" + TEXT[21:],
        TEXT + "\0",
        "A" * 44,
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(33)).decode(),
        CLIENT.raw.hex(),
    ],
    ids=[
        "empty",
        "without its =",
        "one = too many",
        "twice",
        "stray bits in the last character",
        "broken over two lines",
        "a blank inside",
        "url-safe alphabet",
        "a letter beyond ASCII",
        "a NUL behind it",
        "44 characters without =",
        "31 bytes",
        "33 bytes",
        "hex",
    ],
)
def test_text_that_wg_refuses_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidKeyError) as raised:
        decode_key(text)
    report = "".join(traceback.format_exception_only(raised.value))
    assert TEXT[:10] not in report
    assert CLIENT.raw.hex()[:10] not in report


@given(st.integers(0, 44), st.integers(0, 3), st.text(ODD_CHARACTERS, max_size=3))
def test_a_key_edited_anywhere_is_a_key_in_its_one_spelling_or_an_invalid_key(
    at: int, removed: int, inserted: str
) -> None:
    text = TEXT[:at] + inserted + TEXT[at + removed :]
    try:
        raw = decode_key(text)
    except InvalidKeyError:
        return
    assert base64.b64encode(raw).decode() == text.strip()


@given(st.binary(max_size=70).filter(lambda raw: len(raw) != 32))
def test_a_key_of_another_length_than_32_bytes_is_refused(raw: bytes) -> None:
    for kind in (PrivateKey, PresharedKey, PublicKey):
        with pytest.raises(InvalidKeyError, match="not 32"):
            kind(raw)


def test_a_generated_key_is_fresh_and_clamped_as_wg_genkey_does() -> None:
    one, other = PrivateKey.generate(), PrivateKey.generate()
    assert one != other
    assert one.raw[0] & 7 == 0
    assert one.raw[31] & 0xC0 == 0x40


def test_clamping_does_not_change_the_public_key() -> None:
    raw = bytearray(CLIENT.raw)
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    assert PrivateKey(bytes(raw)).public == CLIENT.public


def test_secrets_compare_by_kind_and_value() -> None:
    assert PrivateKey(CLIENT.raw) == CLIENT
    assert len({PrivateKey(CLIENT.raw), CLIENT}) == 1
    assert PresharedKey(CLIENT.raw) != CLIENT
    assert PublicKey(CLIENT.raw) != CLIENT


def test_no_preshared_key_is_all_zeros() -> None:
    assert PresharedKey(bytes(32)) == NO_PRESHARED_KEY


def test_a_public_key_prints_as_wg_prints_it() -> None:
    key = PublicKey(bytes(range(32)))
    assert str(key) == f"{key}" == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.mark.parametrize("name", HOLDERS)
def test_what_holds_a_secret_never_prints_it(name: str) -> None:
    holder = HOLDERS[name]
    shown = "\n".join(
        (
            repr(holder),
            str(holder),
            ascii(holder),
            f"{holder}",
            f"{holder!r:>100}",
            "%s %r" % (holder, holder),  # noqa: UP031 - a log line is made this way
            pprint.pformat([holder, {"it": holder}]),
        )
    )
    for secret in SECRETS:
        for form in written(secret):
            assert form not in shown


@pytest.mark.parametrize("secret", [CLIENT, PSK], ids=["private key", "preshared key"])
def test_a_secret_shows_only_that_it_is_hidden(secret: PrivateKey | PresharedKey) -> None:
    hidden = f"{type(secret).__name__}(hidden)"
    assert repr(secret) == str(secret) == f"{secret}" == f"{secret:>60}" == hidden


def test_a_secret_written_into_the_configuration_does_not_show() -> None:
    assert TEXT not in repr(SecretSource(SecretForm.INLINE, TEXT))


@pytest.mark.parametrize("name", sorted(HOLDERS.keys() - {"received initiation"}))
def test_what_holds_a_long_lived_secret_is_neither_pickled_nor_copied(name: str) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(HOLDERS[name], protocol)
    with pytest.raises(TypeError):
        copy.deepcopy(HOLDERS[name])


def test_the_secrets_of_a_target_do_not_become_a_dictionary() -> None:
    with pytest.raises(TypeError):
        asdict(TARGET)


def test_a_rejection_tells_the_reason_and_no_byte() -> None:
    with pytest.raises(RejectedError) as raised:
        attempt(PSK).complete(HANDS.response)
    assert raised.value.args == (Reason.BAD_EMPTY.value,)
