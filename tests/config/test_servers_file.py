import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.sample_fleets import BASTION, MINIMAL_TOML, OWN_KEY, server
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, SecretForm, SecretSource
from wgmon_tui.config.secrets.private_files import create_private, replace_private
from wgmon_tui.config.servers_file import (
    explain_not_writable,
    read,
    read_raw_text,
    replace_raw_text,
    stamp,
    update,
)
from wgmon_tui.config.servers_toml import HEADER, parse, render

FLEET = Fleet((server("fra1"),), (BASTION,))


def with_server(name: str) -> Fleet:
    return replace(FLEET, servers=(*FLEET.servers, server(name)))


def names_in(config_dir: Path) -> set[str]:
    return {path.name for path in config_dir.iterdir()}


def test_without_a_file_the_fleet_is_empty(tmp_path: Path) -> None:
    stored = read(tmp_path / "nowhere")
    assert stored.fleet == Fleet()
    assert stored.stamp is None


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    assert update(tmp_path, lambda _: FLEET).fleet == FLEET
    assert read(tmp_path).fleet == FLEET


def test_the_first_save_makes_the_directory_and_nobody_else_can_look(tmp_path: Path) -> None:
    config_dir = tmp_path / "a" / "wgmon-tui"
    update(config_dir, lambda _: FLEET)
    assert config_dir.stat().st_mode & 0o777 == 0o700
    assert (config_dir / "servers.toml").stat().st_mode & 0o777 == 0o600


def test_a_change_gets_what_the_file_says_now(tmp_path: Path) -> None:
    update(tmp_path, lambda _: FLEET)
    update(tmp_path, lambda fleet: replace(fleet, servers=(*fleet.servers, server("ams1"))))
    assert read(tmp_path).fleet == with_server("ams1")


def test_a_change_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "servers.toml"
    path.write_text("# mine\n" + MINIMAL_TOML)
    before = stamp(tmp_path)
    saved = update(tmp_path, lambda fleet: replace(fleet))
    assert stamp(tmp_path) == before
    assert path.read_text() == "# mine\n" + MINIMAL_TOML
    assert saved.notice is None


def test_the_stamp_tells_a_new_version_from_the_one_that_was_read(tmp_path: Path) -> None:
    assert stamp(tmp_path) is None
    update(tmp_path, lambda _: FLEET)
    stored = read(tmp_path)
    assert stamp(tmp_path) == stored.stamp
    update(tmp_path, lambda _: with_server("ams1"))
    assert stamp(tmp_path) != stored.stamp


def test_nothing_temporary_is_left_behind(tmp_path: Path) -> None:
    update(tmp_path, lambda _: FLEET)
    update(tmp_path, lambda _: with_server("ams1"))
    assert names_in(tmp_path) == {"servers.toml", "servers.toml.lock"}


def test_a_change_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    update(tmp_path, lambda _: FLEET)

    def fail(fleet: Fleet) -> Fleet:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        update(tmp_path, fail)
    assert read(tmp_path).fleet == FLEET
    assert update(tmp_path, lambda _: with_server("ams1")).fleet == with_server("ams1")


def test_a_fleet_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    update(tmp_path, lambda _: FLEET)
    with pytest.raises(ConfigurationError, match='server "fra1": key name: this name is used twice'):
        update(tmp_path, lambda _: with_server("fra1"))
    assert read(tmp_path).fleet == FLEET


def test_a_change_that_the_file_would_not_say_exactly_is_not_written(tmp_path: Path) -> None:
    update(tmp_path, lambda _: FLEET)
    inexact = replace(server(), tags=["eu"])  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="nothing was written"):
        update(tmp_path, lambda fleet: replace(fleet, servers=(inexact,)))
    assert read(tmp_path).fleet == FLEET


def test_a_file_that_cannot_be_read_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text("interval = ")
    with pytest.raises(ConfigurationError, match=r"servers\.toml: line 1, end of the file"):
        update(tmp_path, lambda _: FLEET)
    assert (tmp_path / "servers.toml").read_text() == "interval = "


@pytest.mark.thorough
def test_two_programs_that_save_at_once_lose_nothing(tmp_path: Path) -> None:
    program = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.config.sample_fleets import BASTION, server
from wgmon_tui.config.servers_file import update
for number in range(15):
    new = server(f"{sys.argv[2]}{number}")
    update(Path(sys.argv[1]), lambda f: replace(f, identities=(BASTION,), servers=(*f.servers, new)))
"""
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), prefix]) for prefix in ("a", "b")
    ]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    saved = {server.name for server in read(tmp_path).fleet.servers}
    assert saved == {f"{prefix}{number}" for prefix in "ab" for number in range(15)}


def test_comments_of_people_stay_beside_as_bak_and_the_notice_says_so(tmp_path: Path) -> None:
    commented = MINIMAL_TOML + 'note = "#1"  # the old rack\n'
    (tmp_path / "servers.toml").write_text(commented)
    saved = update(tmp_path, lambda fleet: replace(fleet, servers=()))
    assert saved.notice is not None
    assert saved.notice.startswith("servers.toml: comments were removed and saved in servers.toml.bak")
    assert (tmp_path / "servers.toml.bak").read_text() == commented
    assert (tmp_path / "servers.toml.bak").stat().st_mode & 0o777 == 0o600


def test_comments_that_were_kept_before_are_not_overwritten(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "servers.toml").write_text(f"# comment {number}\n" + MINIMAL_TOML)
        update(tmp_path, lambda fleet: replace(fleet, servers=()))
    assert (tmp_path / "servers.toml.bak").read_text().startswith("# comment 1\n")
    assert (tmp_path / "servers.toml.bak.2").read_text().startswith("# comment 2\n")


def test_our_own_first_line_is_no_comment_of_people(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text(render(FLEET).replace("\n", "\r\n"))
    assert update(tmp_path, lambda _: with_server("ams1")).notice is None
    assert not (tmp_path / "servers.toml.bak").exists()


@pytest.mark.parametrize(
    "note",
    ['"# 1"', "'# 1'", '"""# 1"""', "'''# 1'''", '"\\"# 1"', '"""\\"""# 1"""', '"""# 1"""""', '""', "''"],
)
def test_a_number_sign_in_a_text_is_no_comment(tmp_path: Path, note: str) -> None:
    (tmp_path / "servers.toml").write_text(f"{MINIMAL_TOML}note = {note}\ntags = ['a', \"#b\"]\n")
    assert update(tmp_path, lambda fleet: replace(fleet, servers=())).notice is None


def test_a_text_that_ends_in_a_quote_hides_no_comment(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text(MINIMAL_TOML + 'note = """the "old rack"""" # ask "Ada"\n')
    assert update(tmp_path, lambda fleet: replace(fleet, servers=())).notice is not None


@given(st.text(st.characters(codec="utf-8"), max_size=20).filter(str.isprintable))
def test_a_comment_is_seen_whatever_texts_stand_before_it(text: str) -> None:
    fleet = replace(FLEET, servers=(replace(server(), note=text),))
    with TemporaryDirectory() as directory:
        path = Path(directory, "servers.toml")
        path.write_text(render(fleet), encoding="utf-8")
        assert update(path.parent, lambda _: FLEET).notice is None
        path.write_text(render(fleet) + "# mine\n", encoding="utf-8")
        assert update(path.parent, lambda _: Fleet()).notice is not None


def test_a_file_that_others_can_read_is_fine_while_it_holds_no_key(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text(MINIMAL_TOML)
    (tmp_path / "servers.toml").chmod(0o644)
    assert read(tmp_path).fleet == parse(MINIMAL_TOML)


AMNEZIAWG = MINIMAL_TOML + 'protocol = "amneziawg"\n[server.amneziawg]\ns1 = 12\ns2 = 12\ns3 = 12\ns4 = 12\n'


def test_a_key_of_a_protocol_in_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "servers.toml"
    path.write_text(AMNEZIAWG + f'header_protection_key = "{OWN_KEY.to_text()}"\n')
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="contains a key, and others can read"):
        read(tmp_path)


def test_a_command_of_a_protocol_in_a_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "servers.toml"
    path.write_text(AMNEZIAWG + 'header_protection_key_command = ["pass", "hpk"]\n')
    path.chmod(0o666)
    with pytest.raises(ConfigurationError, match="no command is run from it"):
        read(tmp_path)


def test_a_file_with_a_key_in_it_that_others_can_read_is_refused_with_the_chmod_to_type(
    tmp_path: Path,
) -> None:
    path = tmp_path / "servers.toml"
    path.write_text(render(Fleet((), (Identity("a", SecretSource(SecretForm.INLINE, OWN_KEY.to_text())),))))
    path.chmod(0o640)
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path)
    assert (
        str(refused.value)
        == f"servers.toml: contains a key, and others can read {path}; type: chmod 600 {path}"
    )
    path.chmod(0o600)
    assert len(read(tmp_path).fleet.identities) == 1


def test_a_file_that_is_not_text_is_refused_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_bytes(b"a = \xff")
    with pytest.raises(ConfigurationError, match=r"servers\.toml: expected UTF-8 text; byte 5 is not valid"):
        read(tmp_path)


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_bytes(b"\xef\xbb\xbf" + MINIMAL_TOML.encode())
    assert read(tmp_path).fleet == parse(MINIMAL_TOML)


def test_what_cannot_be_opened_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").mkdir()
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path)
    assert str(refused.value) == f"{tmp_path}/servers.toml: cannot be read: Is a directory"


def test_a_directory_that_cannot_be_made_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError) as refused:
        update(tmp_path / "file" / "config", lambda _: FLEET)
    assert str(refused.value) == f"{tmp_path}/file/config: cannot be written: Not a directory"


def test_behind_a_symbolic_link_the_file_itself_is_replaced(tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles" / "servers.toml"
    kept.parent.mkdir()
    kept.write_text(MINIMAL_TOML)
    config_dir = tmp_path / "config"
    config_dir.mkdir()
    (config_dir / "servers.toml").symlink_to(kept)
    update(config_dir, lambda _: FLEET)
    assert (config_dir / "servers.toml").is_symlink()
    assert parse(kept.read_text()) == FLEET


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_an_edit_by_root_leaves_the_file_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "servers.toml"
    path.write_text(MINIMAL_TOML)
    os.chown(path, 12345, 12345)
    update(tmp_path, lambda _: with_server("ams1"))
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12345)


def test_a_private_file_is_never_written_over_another(tmp_path: Path) -> None:
    create_private(tmp_path / "a.key", "first")
    with pytest.raises(FileExistsError):
        create_private(tmp_path / "a.key", "second")
    assert (tmp_path / "a.key").read_text() == "first"


def test_a_private_file_that_cannot_be_written_whole_does_not_stay(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        create_private(tmp_path / "a.key", "half \ud800")
    assert names_in(tmp_path) == set()


def test_a_replacement_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "servers.toml"
    path.mkdir()
    (path / "child").write_text("")
    with pytest.raises(OSError, match="directory"):
        replace_private(path, HEADER)
    assert names_in(tmp_path) == {"servers.toml"}


def test_a_whole_text_takes_the_place_of_the_file_as_it_is(tmp_path: Path) -> None:
    update(tmp_path, lambda _: FLEET)
    before = read_raw_text(tmp_path)
    replace_raw_text(tmp_path, before, f"{before}# mine\n")
    assert read_raw_text(tmp_path) == f"{before}# mine\n"


def test_without_a_file_the_whole_text_is_our_first_line(tmp_path: Path) -> None:
    config_dir = tmp_path / "new"
    assert read_raw_text(config_dir) == f"{HEADER}\n"
    replace_raw_text(config_dir, read_raw_text(config_dir), MINIMAL_TOML)
    assert read(config_dir).fleet == parse(MINIMAL_TOML)


def test_a_whole_text_that_cannot_stand_is_not_written(tmp_path: Path) -> None:
    update(tmp_path, lambda _: FLEET)
    before = read_raw_text(tmp_path)
    with pytest.raises(ConfigurationError, match='unknown setting "colour"'):
        replace_raw_text(tmp_path, before, "colour = 1")
    assert read_raw_text(tmp_path) == before


def test_a_whole_text_does_not_replace_what_another_program_wrote_meanwhile(tmp_path: Path) -> None:
    update(tmp_path, lambda _: FLEET)
    before = read_raw_text(tmp_path)
    update(tmp_path, lambda _: with_server("ams1"))
    with pytest.raises(ConfigurationError, match="another program changed it meanwhile"):
        replace_raw_text(tmp_path, before, f"{before}# mine\n")
    assert read(tmp_path).fleet == with_server("ams1")


def test_a_directory_that_is_not_there_yet_can_be_written(tmp_path: Path) -> None:
    assert explain_not_writable(tmp_path / "a" / "b") is None


def test_an_account_that_may_only_look_is_told_whose_the_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write anywhere, and the tests may run as root: fake the kernel's answer.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert explain_not_writable(tmp_path) == (
        f"servers.toml belongs to {tmp_path.owner()}: this account can read {tmp_path}, but not change it"
    )


def test_on_a_read_only_file_system_no_account_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_RDONLY))
    assert explain_not_writable(tmp_path / "a") == (
        f"servers.toml cannot be changed: {tmp_path} is on a read-only file system"
    )
