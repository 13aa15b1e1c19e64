"""Whether a program of this machine uses a profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.protocols.openvpn.certificates import Authority
from wgmon_tui.protocols.openvpn.local_clients import LocalClients
from wgmon_tui.protocols.openvpn.profile import Profile

CLIENT = Authority().issue("monitor")
PROFILE = Profile((), certificate=CLIENT.certificate)


def process(root: Path, number: int, *arguments: str, files: dict[str, str] | None = None) -> None:
    """A process as /proc shows it, with these files in its directory."""
    home, made = root / f"home{number}", root / "proc" / str(number)
    home.mkdir(parents=True)
    made.mkdir(parents=True)
    (made / "cmdline").write_bytes("\0".join(arguments).encode() + b"\0")
    (made / "cwd").symlink_to(home)
    for name, content in (files or {}).items():
        (home / name).write_text(content)


@pytest.mark.parametrize(
    "files",
    [
        {"client.ovpn": f"client\n<cert>\n{CLIENT.certificate}</cert>\n"},
        {"client.ovpn": "client\ncert monitor.crt\n", "monitor.crt": f"text before\n{CLIENT.certificate}"},
        {"client.ovpn": f"<cert>\r\n{CLIENT.certificate.replace(chr(10), chr(13) + chr(10))}</cert>\r\n"},
    ],
    ids=["inline", "beside", "with other line ends"],
)
def test_a_client_with_the_same_certificate_is_found(tmp_path: Path, files: dict[str, str]) -> None:
    process(tmp_path, 41, "/usr/sbin/openvpn", "--config", "client.ovpn", files=files)

    assert LocalClients(tmp_path / "proc").find_user_of(PROFILE) == 41


def test_a_client_with_the_same_archive_is_found(tmp_path: Path) -> None:
    """It has no certificate that could be read without its password."""
    archive = bytes(range(256))
    process(tmp_path, 41, "openvpn", "client.ovpn", files={"client.ovpn": "pkcs12 monitor.p12\n"})
    (tmp_path / "home41" / "monitor.p12").write_bytes(archive)
    process(tmp_path, 42, "openvpn", "--pkcs12", "other.p12")
    (tmp_path / "home42" / "other.p12").write_bytes(archive[::-1])

    clients = LocalClients(tmp_path / "proc")

    assert clients.find_user_of(Profile((), certificate=CLIENT.certificate, pkcs12=archive)) == 41
    assert clients.find_user_of(Profile((), pkcs12=archive[::-1])) == 42
    assert clients.find_user_of(Profile((), pkcs12=bytes(256))) is None


@pytest.mark.parametrize("form", ["file", "block"])
@pytest.mark.parametrize(
    ("user", "has_same_authority", "found"), [("ada", True, 41), ("bob", True, None), ("ada", False, None)]
)
def test_without_a_certificate_the_same_user_of_the_same_authority_is_found(
    tmp_path: Path, form: str, user: str, has_same_authority: bool, found: int | None
) -> None:
    own, login = Authority(), tmp_path / "login"
    login.write_text(f"{user}\nadaword\n")
    ca = own.certificate if has_same_authority else Authority().certificate
    named = {"file": f"auth-user-pass {login}", "block": f"<auth-user-pass>\n{user}\nx\n</auth-user-pass>"}[
        form
    ]
    files = {"client.ovpn": f"{named}\n<ca>\n{ca}</ca>\n"}
    process(tmp_path, 41, "openvpn", "client.ovpn", files=files)

    assert LocalClients(tmp_path / "proc").find_user_of(Profile((), ca=own.certificate), "ada") == found


def test_a_daemon_that_has_left_its_directory_is_found(tmp_path: Path) -> None:
    process(tmp_path, 41, "openvpn", "--daemon", "--cd", str(tmp_path / "etc"), "--config", "client.ovpn")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "client.ovpn").write_text("cert monitor.crt\n")
    (tmp_path / "etc" / "monitor.crt").write_text(CLIENT.certificate)

    assert LocalClients(tmp_path / "proc").find_user_of(PROFILE) == 41


def test_a_client_with_another_certificate_and_another_program_are_not(tmp_path: Path) -> None:
    other = Authority().issue("other").certificate
    process(tmp_path, 41, "openvpn", "client.ovpn", files={"client.ovpn": f"<cert>\n{other}</cert>"})
    process(tmp_path, 42, "less", "client.ovpn", files={"client.ovpn": CLIENT.certificate})
    process(tmp_path, 43, "openvpn", "missing.ovpn")

    assert LocalClients(tmp_path / "proc").find_user_of(PROFILE) is None


def test_a_profile_without_a_certificate_has_no_user(tmp_path: Path) -> None:
    process(tmp_path, 41, "openvpn", "client.ovpn", files={"client.ovpn": ""})

    assert LocalClients(tmp_path / "proc").find_user_of(Profile(())) is None


def test_a_system_without_processes_to_see_has_no_user(tmp_path: Path) -> None:
    assert LocalClients(tmp_path / "nothing").find_user_of(PROFILE) is None


def test_the_processes_are_read_once_for_many_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    process(tmp_path, 41, "openvpn", "missing.ovpn")
    clients = LocalClients(tmp_path / "proc")
    assert clients.find_user_of(PROFILE) is None
    process(tmp_path, 42, "openvpn", "a.ovpn", files={"a.ovpn": CLIENT.certificate})

    now = 101.0
    soon = clients.find_user_of(PROFILE)
    now = 103.0
    later = clients.find_user_of(PROFILE)

    assert (soon, later) == (None, 42)
