"""Sources of an import: standard input, directories and archives, encodings and foreign formats."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from tests.config.sample_fleets import OWN_KEY, SERVER_KEY
from wgmon_tui.config.imports import conf_sources
from wgmon_tui.config.imports.conf_reading import ReadConfs, read_confs
from wgmon_tui.config.imports.wg_quick_parser import WgQuickFile

CONF = (
    f"[Interface]\nPrivateKey = {OWN_KEY.to_text()}\n"
    f"# caf\u00e9\n[Peer]\nPublicKey = {SERVER_KEY}\nEndpoint = fra1.example.net:51820\n"
)


def sources(read: ReadConfs) -> list[str]:
    """Each file that was read, and each line about one that was not."""
    return [item.source if item in read.confs else str(item) for item in read.items]


def zipped(*members: tuple[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return packed.getvalue()


def read_zip(data: bytes) -> list[str]:
    return sources(read_confs(["-"], lambda _: data))


# Encodings


@pytest.mark.parametrize(
    "data",
    [
        CONF.encode(),
        b"\xef\xbb\xbf" + CONF.encode(),
        b"\xff\xfe" + CONF.encode("utf-16-le"),
        b"\xfe\xff" + CONF.encode("utf-16-be"),
        b"\xff\xfe" + CONF.replace("\n", "\r\n").encode("utf-16-le"),
        CONF.encode("utf-16-le"),
        CONF.encode("utf-32"),
    ],
)
def test_every_encoding_with_a_mark_is_read(data: bytes) -> None:
    [conf] = read_confs(["-"], lambda _: data).confs
    assert conf.peers[0].name == "caf\u00e9"
    assert conf.notices == ()


@pytest.mark.parametrize("encoding", ["latin-1", "gbk"])
def test_bytes_of_another_encoding_in_a_comment_lose_only_its_name(encoding: str) -> None:
    data = CONF.replace("caf\u00e9", "\u00e9" if encoding == "latin-1" else "\u67cf\u6797").encode(encoding)
    [conf] = read_confs(["-"], lambda _: data).confs
    assert conf.peers[0].name is None
    assert [str(each) for each in conf.notices] == [
        "standard input: line 3: bytes that are not UTF-8; names in such comments are not read"
    ]


# Directories


def test_a_directory_means_its_conf_files_and_those_below_it(tmp_path: Path) -> None:
    for name in ("b.conf", "a.CONF", "eu/c.conf", "notes.txt", "._b.conf"):
        path = tmp_path / "confs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CONF)
    os.mkfifo(tmp_path / "confs" / "pipe.conf")
    (tmp_path / "confs" / "loop").symlink_to(tmp_path / "confs", target_is_directory=True)
    found = read_confs([tmp_path / "confs"])
    assert sources(found) == ["confs/a.CONF", "confs/b.conf", "confs/eu/c.conf"]
    assert [conf.stem for conf in found.confs] == ["a", "b", "c"]


def test_a_directory_without_files_to_import_says_so(tmp_path: Path) -> None:
    assert sources(read_confs([tmp_path])) == [f"{tmp_path.name}: has no .conf file"]


def test_a_directory_with_too_many_files_is_read_up_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf_sources, "MAX_FILES", 2)
    for name in "abc":
        (tmp_path / f"{name}.conf").write_text(CONF)
    assert "has more than 2 files" in sources(read_confs([tmp_path]))[-1]


# Archives


def test_a_zip_archive_means_its_conf_files(tmp_path: Path) -> None:
    path = tmp_path / "mullvad.zip"
    path.write_bytes(
        zipped(("eu/b.conf", CONF), ("a.conf", CONF), ("readme.txt", ""), ("__MACOSX/._a.conf", "x"))
    )
    assert sources(read_confs([path])) == ["mullvad.zip/a.conf", "mullvad.zip/eu/b.conf"]


def test_names_in_an_archive_are_never_paths(tmp_path: Path) -> None:
    data = zipped(("../../evil.conf", CONF), ("/etc/wg\x1b[31m.conf", CONF))
    found = read_confs(["-"], lambda _: data)
    assert [conf.source for conf in found.confs] == [
        "standard input/../../evil.conf",
        r"standard input//etc/wg\x1b[31m.conf",
    ]
    assert [conf.stem for conf in found.confs] == ["evil", "wireguard"]
    assert list(tmp_path.iterdir()) == []


def test_a_member_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf_sources, "MAX_CONF_BYTES", 1 << 20)
    data = zipped(("bomb.conf", b"#" * (2 << 20)), ("good.conf", CONF))
    assert len(data) < 1 << 14
    assert read_zip(data) == [
        "standard input/bomb.conf: is larger than 1 MiB; that is no wg-quick file",
        "standard input/good.conf",
    ]


def test_an_archive_that_unpacks_to_too_much_is_left_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf_sources, "MAX_UNPACKED_BYTES", 1 << 20)
    data = zipped(*((f"{number}.conf", b"#" * (600 << 10)) for number in range(9)))
    lines = read_zip(data)
    assert len(lines) == 2
    assert lines[-1] == "standard input: has more than 1 MiB; unpack it first"


def test_a_header_that_lies_about_the_size_does_not_help() -> None:
    data = zipped(("bomb.conf", b"#" * (20 << 20)))
    lying = data.replace((20 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != data
    [line] = read_zip(lying)
    assert line.startswith("standard input/bomb.conf: ")


def test_an_archive_with_too_many_members_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf_sources, "MAX_FILES", 2)
    [line] = read_zip(zipped(*((f"{number}.conf", CONF) for number in range(3))))
    assert "has more than 2 files" in line


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (zipped(("a.conf", CONF))[:-30], "a damaged zip archive"),
        (zipped(("a.conf", CONF), method=zipfile.ZIP_LZMA), "unusual compression"),
        (zipped(("a.txt", CONF)), "has no .conf file"),
        (b"\x1f\x8b" + bytes(20), "a gzip file; type: tar -xzf FILE"),
        (b"\x89PNG" + bytes(20), "zbarimg"),
    ],
)
def test_what_cannot_be_unpacked_is_reported_with_what_to_do(data: bytes, said: str) -> None:
    [line] = read_zip(data)
    assert said in line


def test_an_encrypted_member_is_reported() -> None:
    data = bytearray(zipped(("a.conf", CONF)))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    [line] = read_zip(bytes(data))
    assert line.startswith("standard input/a.conf: is encrypted")


def test_a_file_that_is_too_large_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf_sources, "MAX_CONF_BYTES", 10)
    [line] = read_zip(CONF.encode())
    assert line == "standard input: is larger than 10 bytes; that is no wg-quick file"


# Foreign formats

_FOREIGN = {
    "25-wg0.netdev": (
        "[NetDev]\nName=wg7\n[WireGuardPeer]\n",
        "sudo wg showconf wg7 > wg7.conf",
    ),
    "office.nmconnection": (
        "[connection]\nid=office\ntype=wireguard\ninterface-name=wg1\n",
        "sudo wg showconf wg1 > wg1.conf",
    ),
    "router.rsc": (
        '# by RouterOS 7.14\n/interface wireguard peers\nadd endpoint-address=10.0.0.1 public-key="x"\n',
        "type on the router: /interface wireguard peers show-client-config 0",
    ),
    "config.xml": (
        '<?xml version="1.0"?>\n<opnsense><OPNsense><wireguard/></OPNsense></opnsense>\n',
        "XML file of OPNsense, not a wg-quick file; to convert it, type on the firewall: wg showconf wg1",
    ),
}


@pytest.mark.parametrize("name", _FOREIGN)
def test_a_foreign_format_is_recognised_by_its_name_and_by_its_content(name: str, tmp_path: Path) -> None:
    content, advice = _FOREIGN[name]
    for path in (tmp_path / name, tmp_path / "renamed.conf"):
        path.write_text(content)
        [line] = sources(read_confs([path]))
        assert advice in line
        assert line.isprintable()


@pytest.mark.parametrize("name", _FOREIGN)
def test_a_foreign_name_without_a_known_content_is_explained_too(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("")
    [line] = sources(read_confs([tmp_path / name]))
    assert "to convert it, type" in line


def test_a_wg_quick_file_with_a_foreign_name_is_read(tmp_path: Path) -> None:
    (tmp_path / "wg0.netdev").write_text(CONF)
    assert sources(read_confs([tmp_path / "wg0.netdev"])) == ["wg0.netdev"]


def test_an_interface_name_that_is_no_word_never_reaches_the_command(tmp_path: Path) -> None:
    path = tmp_path / "wg0.netdev"
    path.write_text("[NetDev]\nName=wg0;reboot\n")
    [line] = sources(read_confs([path]))
    assert line.endswith("sudo wg showconf wg0 > wg0.conf")


def test_a_directory_that_cannot_be_listed_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    assert sources(read_confs([tmp_path])) == [f"{tmp_path}: cannot be read: Permission denied"]


def test_a_backslash_in_an_archive_is_a_folder() -> None:
    [conf] = read_confs(["-"], lambda _: zipped(("eu\\fra1.conf", CONF))).confs
    assert conf.stem == "fra1"


@pytest.mark.parametrize(
    "line",
    [
        "# Name = a" + " " * 1_000_000 + "b",
        "### begin " + "# " * 500_000,
        "Endpoint = " + "\u00fc" * 1_000_000 + ":1",
        "Jc = " + "0" * 1_000_000,
        "Foo = 1\n" * 20_000,
        "Foo\n" * 20_000,
        "[x]\n" * 20_000,
        " " * 1_000_000,
        "[" * 1_000_000,
    ],
    ids=["spaces", "marks", "host", "digits", "keys", "faults", "headings", "blank", "brackets"],
)
def test_a_hostile_file_costs_seconds_and_prints_a_few_lines(line: str) -> None:
    text = CONF.replace("[Peer]", f"{line}\n[Peer]\n{line}") + line
    [conf] = read_confs(["-"], lambda _: text.encode()).items
    assert isinstance(conf, WgQuickFile)
    lines = [*conf.notices, *conf.faults, *conf.interface_faults]
    assert len(lines) < 80
    assert max((len(str(each)) for each in lines), default=0) < 400
