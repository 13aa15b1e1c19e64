from __future__ import annotations

import copy
import logging
import pickle

import pytest

from tests.output.sample_rounds import IDENTITY, server
from wgmon_tui.checks.key_log import KeyLog
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.protocols.wireguard.key_log import key_log_warning, make_key_log
from wgmon_tui.protocols.wireguard.targets import Target

PSK = PresharedKey(b"a".ljust(32))


def names(log: KeyLog) -> list[str]:
    return [line.split(" = ")[0] for line in log.lines().splitlines()]


def test_every_one_time_key_that_was_given_is_in_it() -> None:
    given = [PrivateKey.generate() for _ in range(2)]
    log = make_key_log(Target(server(), IDENTITY), [each.to_text() for each in given])
    assert names(log) == [
        "LOCAL_STATIC_PRIVATE_KEY",
        "REMOTE_STATIC_PUBLIC_KEY",
        "LOCAL_EPHEMERAL_PRIVATE_KEY",
        "LOCAL_EPHEMERAL_PRIVATE_KEY",
    ]
    assert all(key.to_text() in log.lines() for key in given)


def test_a_preshared_key_stands_behind_each_one_time_key() -> None:
    log = make_key_log(Target(server(), IDENTITY, PSK), ["one", "two"])
    assert names(log)[2:] == ["LOCAL_EPHEMERAL_PRIVATE_KEY", "PRESHARED_KEY"] * 2


def test_it_shows_nothing_unless_it_is_asked_for_its_lines(caplog: pytest.LogCaptureFixture) -> None:
    fresh = PrivateKey.generate()
    log = make_key_log(Target(server(), IDENTITY, PSK), [fresh.to_text()])
    logging.getLogger("tests").warning("%s %r %s", log, log, fresh)
    for secret in (IDENTITY, PSK, fresh):
        assert secret.to_text() not in caplog.text
        assert str(secret.raw) not in caplog.text


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_is_neither_pickled_nor_copied(duplicate: object) -> None:
    assert callable(duplicate)
    with pytest.raises(TypeError, match="secrets in the clear"):
        duplicate(make_key_log(Target(server(), IDENTITY), ()))


def test_the_warning_names_every_secret_and_shows_none() -> None:
    words = "\n".join(key_log_warning(Target(server(), IDENTITY, PSK)))
    assert 'the private key of the identity "bastion"' in words
    assert 'the preshared key of "fra1"' in words
    assert IDENTITY.to_text() not in words
    assert "preshared" not in "\n".join(key_log_warning(Target(server(), IDENTITY)))
