"""The host that a check asks DNS for, beside the one that `getent ahosts` asks for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NAMES = [
    "fra1.example",
    "FRA1.Example",
    "fra1.example.",
    "_wg._udp.example",
    "a_b.example",
    "faß.example",
    "FAß.EXAMPLE",
    "bücher.example.",
    "_x.bücher.example",
    "büro_1.example",
    "क्\u200dष.example",
    "ΒΌΛΟΣ.example",
    "日本・語.example",
    "ｆｏｏ。example",
    "xn--fa-hia.example",
    "ab--cd.example",
    "a" * 63 + ".example",
    "ü" * 57 + ".example",
]
REFUSED = [
    "a" * 64 + ".example",
    "ü" * 60 + ".example",
    ".".join(["label"] * 60),
    "x\u200dy.example",
    "☃.example",
    "ab--ü.example",
    "two..dots",
]

COMPARE = """
import asyncio, json, os, socket, subprocess, sys, threading
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.resolver import ResolutionError, Resolver

asked = []

def question(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii"))
        at += 1 + query[at]
    return ".".join(labels), query[12 : at + 5]

def serve(listening):
    while True:
        query, source = listening.recvfrom(512)
        name, raw = question(query)
        asked.append(name)
        address = raw[-4:-2] == b"\\0\\1"
        record = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\0\\0\\4\\x7f\\0\\0\\x09" if address else b""
        header = query[:2] + b"\\x81\\x80\\0\\1\\0" + bytes([address]) + bytes(4)
        listening.sendto(header + raw + record, source)

listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listening.bind(("127.0.0.1", 53))
threading.Thread(target=serve, args=(listening,), daemon=True).start()

def names_asked():
    found = sorted(set(asked))
    asked.clear()
    return found

async def ours(name):
    try:
        await Resolver().resolve(Endpoint(name, 51820), 10)
    except ResolutionError as error:
        return str(error)
    return ""

for name in json.loads(sys.argv[1]):
    getent = subprocess.run(["getent", "ahosts", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    by_getent = names_asked()
    error = asyncio.run(ours(name))
    print(json.dumps([name, getent.returncode, by_getent, names_asked(), error]))
"""

PREPARE = """set -e
ip link set lo up
printf 'nameserver 127.0.0.1\\noptions timeout:5 attempts:1\\n' > "$1/resolv.conf"
printf 'hosts: dns\\n' > "$1/nsswitch.conf"
mount --bind "$1/resolv.conf" /etc/resolv.conf
mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
shift
exec "$@"
"""

Comparison = tuple[int, list[str], list[str], str]
"""The exit code of getent, the names that it and a check asked for, and the error of the check."""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Comparison]:
    """Each name, looked up by `getent` and by a check. The name server of their namespace knows them all."""
    if not all(map(shutil.which, ("unshare", "getent", "ip"))):
        pytest.skip("needs unshare, getent and ip")
    directory: Path = tmp_path_factory.mktemp("etc")
    command = [sys.executable, "-c", COMPARE, json.dumps([*NAMES, *REFUSED])]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", PREPARE, "sh", directory, *command],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PYTHONPATH": ":".join(sys.path)},
        check=False,
    )
    if "unshare failed" in done.stderr:
        pytest.skip("needs namespaces")
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, done.stdout.splitlines())
    return {name: (code, getent, ours, error) for name, code, getent, ours, error in lines}


@pytest.mark.parametrize("name", NAMES)
def test_a_check_asks_for_the_host_that_getent_asks_for(compared: dict[str, Comparison], name: str) -> None:
    code, by_getent, by_check, error = compared[name]
    assert (code, error) == (0, "")
    assert by_check == by_getent
    assert len(by_check) == 1


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_getent_refuses_is_one_line_and_no_query(
    compared: dict[str, Comparison], name: str
) -> None:
    code, by_getent, by_check, error = compared[name]
    assert code != 0
    assert by_check == by_getent == []
    assert error
    assert error.isprintable()
