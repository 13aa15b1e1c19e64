"""Reports of internal faults: what they contain, where they are written, and how many are kept."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.fault_report import DIRECTORY, MAX_REPORTS, fault_line, redacted_message, write_fault_report

SECRETS = (
    PrivateKey(bytes(range(32))).to_text(),
    "hunter2",
    "correcthorse",
    "https://user:pass@example.net/hook?token=abc",
    "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11",
    "/home/alice/secret.key",
    "[Errno 13] 'x' quoted 'correcthorse'",
)


def fault_with(text: str) -> BaseException:
    try:
        raise ValueError(f"cannot use {text} here, because the value {text!r} is not a port")
    except ValueError as fault:
        return fault


@pytest.mark.parametrize("secret", SECRETS)
def test_a_message_keeps_the_words_of_the_source_and_no_value(secret: str) -> None:
    message = redacted_message(fault_with(secret))
    assert message.startswith("cannot use …")
    assert message.endswith("is not a port")
    assert secret not in message
    assert "correcthorse" not in message


def missing_key(key: str) -> BaseException:
    empty: dict[str, str] = {}
    with pytest.raises(KeyError) as raised:
        assert empty[key] == "known"
    return raised.value


def test_a_key_that_is_missing_is_not_shown() -> None:
    assert redacted_message(missing_key("correcthorse")) == ""
    assert redacted_message(missing_key("known")) == "'known'"  # it stands in the source


def test_an_error_of_the_system_keeps_its_reason_but_not_its_path() -> None:
    assert (
        redacted_message(FileNotFoundError(2, "secret", "/home/alice/hunter2")) == "No such file or directory"
    )


def test_causes_and_groups_are_reported_without_values(tmp_path: Path) -> None:
    inner = fault_with("hunter2")
    group = BaseExceptionGroup("hunter2", [inner, TypeError("correcthorse")])
    group.__cause__ = OSError(28, "x")
    path = write_fault_report(group, "run", tmp_path)
    assert path is not None
    text = path.read_text()
    for expected in ("ExceptionGroup", "ValueError: cannot use …", "TypeError", "No space left on device"):
        assert expected in text
    assert "hunter2" not in text
    assert "correcthorse" not in text


def test_a_report_of_endless_recursion_is_short(tmp_path: Path) -> None:
    def recurse() -> None:
        recurse()

    try:
        recurse()
    except RecursionError as fault:
        path = write_fault_report(fault, "run", tmp_path)
    assert path is not None
    assert len(path.read_text().splitlines()) < 60


def test_a_limited_number_of_private_reports_is_kept(tmp_path: Path) -> None:
    written = [write_fault_report(fault_with("x"), "run", tmp_path) for _ in range(MAX_REPORTS + 3)]
    kept = list((tmp_path / DIRECTORY).iterdir())
    assert len(kept) == MAX_REPORTS
    assert written[-1] in kept
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert stat.S_IMODE((tmp_path / DIRECTORY).stat().st_mode) == 0o700


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory / f"wgmon-tui-{DIRECTORY}-{os.geteuid()}"


def test_without_a_state_directory_the_report_is_a_temporary_file(tmp_path: Path, temporary: Path) -> None:
    path = write_fault_report(fault_with("x"), "run", tmp_path / "state")
    assert path is not None
    assert path.parent == temporary
    assert not (tmp_path / "state").exists()


def test_a_temporary_directory_that_others_prepared_is_refused(tmp_path: Path, temporary: Path) -> None:
    temporary.mkdir()
    temporary.chmod(0o777)
    fault = fault_with("x")
    assert write_fault_report(fault, "run", None) is None
    assert fault_line(fault, None).endswith("no report could be written")
    assert list(temporary.iterdir()) == []


def test_a_link_in_place_of_the_directory_is_refused(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "elsewhere").mkdir(0o700)
    temporary.symlink_to(tmp_path / "elsewhere")
    assert write_fault_report(fault_with("x"), "run", None) is None
