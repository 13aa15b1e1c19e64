"""`wg setconf` on a real interface: the oracle of tests/config/imports says what a device says."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator

import pytest

from tests.config.imports.conf_samples import mutate
from tests.config.imports.test_as_wg_does import WHOLE, faults_of, unexpected_faults
from tests.config.imports.wg_oracle import is_accepted_by_wg
from tests.real.namespaces import namespace
from tests.real.prerequisites import require
from tests.real.wireguard_go import Device
from wgmon_tui.config.keys import PrivateKey

pytestmark = pytest.mark.thorough

_FILES = 200


@pytest.fixture
def device() -> Iterator[Device]:
    require("wg", "wireguard-go", "ip", root=True)
    with namespace("conf") as name:
        made = Device(name, PrivateKey.generate())
        try:
            yield made
        finally:
            made.stop()


def is_accepted(device: Device, data: bytes) -> bool:
    done = subprocess.run(
        ["wg", "setconf", device.name, "/dev/stdin"],
        input=data,
        capture_output=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "WG_ENDPOINT_RESOLUTION_RETRIES": "0"},
    )
    return done.returncode == 0


def test_an_interface_accepts_no_more_than_the_parser_and_import_accepts_that(device: Device) -> None:
    accepted = 0
    for seed in range(_FILES):
        data = mutate(random.Random(seed), WHOLE)
        if is_accepted(device, data):
            accepted += 1
            assert is_accepted_by_wg(data), data
            assert unexpected_faults(data) == []
    assert is_accepted(device, WHOLE)
    assert faults_of(WHOLE) == []
    assert accepted > _FILES / 50
