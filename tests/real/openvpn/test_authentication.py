"""Every way of a real server to ask for a password, a second factor or a token."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from tests.real.openvpn.checking import make_openvpn_target, run_check
from tests.real.openvpn.server import ServerSetup, block, client_profile, running_server
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.observations import find

WORD, ANSWER = "w\u00f6rd: 1", "123456"
_SCRV1 = f"""rest=${{password#SCRV1:}}
[ "$(echo "${{rest%%:*}}" | base64 -d)" = "{WORD}" ] && [ "$(echo "${{rest#*:}}" | base64 -d)" = "{ANSWER}" ]
"""
_LOGIN = block("auth-user-pass", f"ada\n{WORD}")


def verified_by(directory: Path, script: str, more: str = "") -> ServerSetup:
    """A server that asks a shell script about each user."""
    path = directory / "verify"
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o700)
    return ServerSetup(more=f"auth-user-pass-verify {path} via-env\nscript-security 3\n{more}")


@pytest.mark.parametrize(
    ("challenge", "script"),
    [
        pytest.param('"Code:" 1', _SCRV1, id="SCRV1"),
        pytest.param(
            '"Code:" 0 concat', '[ "$password" = abc123456 ]\n', id="concat", marks=pytest.mark.thorough
        ),
    ],
)
def test_a_static_challenge_is_answered_as_the_server_reads_it(
    place: str, tmp_path: Path, challenge: str, script: str
) -> None:
    setup = verified_by(tmp_path, script)
    login = block("auth-user-pass", "ada\nabc") if "concat" in challenge else _LOGIN
    profile = client_profile(setup, more=f"{login}static-challenge {challenge}\n")
    with running_server(place, tmp_path, setup):
        right = run_check(place, make_openvpn_target(profile, challenge_response=ANSWER))[1]
        wrong = run_check(place, make_openvpn_target(profile, challenge_response="000000"))[1]
        without = run_check(place, make_openvpn_target(profile))[1]

    assert right.verdict is Verdict.HEALTHY, right
    assert wrong.verdict is Verdict.AUTH_FAILED
    assert without.verdict is Verdict.UNPROVEN
    assert "no answer" in without.causes[0].cause


@pytest.mark.thorough
def test_the_reason_of_a_script_is_told(place: str, tmp_path: Path) -> None:
    setup = verified_by(tmp_path, "echo locked until Monday > $auth_failed_reason_file\nexit 1\n")
    with running_server(place, tmp_path, setup):
        found = run_check(place, make_openvpn_target(client_profile(setup, more=_LOGIN)))[1]

    assert found.verdict is Verdict.AUTH_FAILED
    assert "locked until Monday" in found.summary


@pytest.mark.thorough
def test_a_token_of_the_server_is_kept_nowhere(place: str, tmp_path: Path) -> None:
    setup = verified_by(tmp_path, "exit 0\n", "auth-gen-token 3600\n")
    with running_server(place, tmp_path, setup) as server:
        check, found = run_check(place, make_openvpn_target(client_profile(setup, more=_LOGIN)))
        pushed = next(line for line in server.log.splitlines() if "'PUSH_REPLY," in line)

    assert found.verdict is Verdict.HEALTHY, found
    assert "auth-token" in pushed
    assert "SESS_ID" not in repr(check)


@pytest.mark.thorough
def test_a_second_factor_that_the_server_waits_for_is_named(place: str, tmp_path: Path) -> None:
    path = tmp_path / "management"
    setup = ServerSetup(more=f"management {path} unix\nmanagement-client-auth\n")
    with running_server(place, tmp_path, setup):
        is_done = threading.Event()
        command = "client-pending-auth {client} {key} WEB_AUTH::https://vpn.example/login?s=SECRETSTATE 60\n"
        asking = threading.Thread(target=_answer_a_client, args=(path, is_done, command), daemon=True)
        asking.start()
        profile = client_profile(setup, more=_LOGIN)
        check, found = run_check(place, make_openvpn_target(profile))
        is_done.set()
        asking.join(30)

    pending = find(observations.AUTH_PENDING, check.evidence)
    assert pending is not None, check.evidence
    assert "SECRETSTATE" not in repr(check)
    assert found.verdict is Verdict.AUTH_FAILED
    assert found.failed_stage == "authenticate"
    assert found.causes[0].cause == "the server asks for a second factor"
    assert found.causes[0].proven


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("refusal", "cause"),
    [
        ("TEMP[backoff 5]:maintenance until noon", "the server cannot authenticate anybody for the moment"),
        ("CRV1:R,E:SECRETSTATE:YWRh:Enter your code", "the server asks for a second factor"),
    ],
    ids=["for the moment", "dynamic challenge"],
)
def test_a_refusal_that_is_no_wrong_password_is_told_apart(
    place: str, tmp_path: Path, refusal: str, cause: str
) -> None:
    path = tmp_path / "management"
    setup = ServerSetup(more=f"management {path} unix\nmanagement-client-auth\n")
    with running_server(place, tmp_path, setup):
        is_done = threading.Event()
        command = f'client-deny {{client}} {{key}} "no" "{refusal}"\n'
        denying = threading.Thread(target=_answer_a_client, args=(path, is_done, command), daemon=True)
        denying.start()
        check, found = run_check(place, make_openvpn_target(client_profile(setup, more=_LOGIN)))
        is_done.set()
        denying.join(30)

    assert found.verdict is Verdict.AUTH_FAILED
    assert found.causes[0].cause == cause
    assert found.causes[0].proven
    assert refusal.rpartition(":")[2] in found.summary
    assert "SECRETSTATE" not in repr(check)


def _answer_a_client(path: Path, is_done: threading.Event, command: str) -> None:
    """What a script at the management interface does with a new client (management-notes.txt)."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(path))
        heard, deadline = "", time.monotonic() + 30
        while ">CLIENT:ENV,END" not in heard and time.monotonic() < deadline:
            heard += connection.recv(4096).decode()
        client, key = heard.split(">CLIENT:CONNECT,")[1].split("\r\n")[0].split(",")
        connection.sendall(command.format(client=client, key=key).encode())
        connection.recv(4096)
        is_done.wait(60)  # the server refuses the client when this side hangs up
