"""`wgmon-tui import` of lists: servers and secret files in a configuration directory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

from tests.protocols.proxies.imports.samples import ALL, CLASH, WIREGUARD_KEY, WIREGUARD_PUBLIC
from wgmon_tui.config.imports.conf_reading import read_confs
from wgmon_tui.config.imports.wg_quick_import import import_confs, preview
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_file import read
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.parse import parse_link, write_link
from wgmon_tui.protocols.proxies.links.records import PROTOCOL_OF, VmessLink


def test_a_clash_file_becomes_servers_with_a_secret_file_each(tmp_path: Path) -> None:
    source = tmp_path / "list.yaml"
    source.write_text(CLASH)
    report = import_confs(read_confs([source]), tmp_path)
    fleet = read(tmp_path).fleet
    assert report.faults == ()
    assert [(each.name, each.protocol, each.endpoint) for each in fleet.servers] == [
        (each.name, PROTOCOL_OF[type(each)], each.endpoint) for each in ALL
    ]
    secrets = open_keyring(fleet, tmp_path).protocol_secrets
    assert [parse_link(secrets[each.name]["link"].decode()) for each in ALL] == [
        replace(each, name="") for each in ALL
    ]
    assert "SECRET" not in (tmp_path / "servers.toml").read_text()
    assert {each.stat().st_mode & 0o777 for each in tmp_path.glob("*.link")} == {0o600}


def test_what_is_not_spoken_here_becomes_a_server_of_a_program(tmp_path: Path) -> None:
    source = tmp_path / "list.txt"
    link = VmessLink(Endpoint("t.example", 443), UUID(int=7), alter_id=4, name="legacy")
    source.write_text(write_link(link) + "\n")
    import_confs(read_confs([source]), tmp_path)
    (server,) = read(tmp_path).fleet.servers
    assert server.protocol == "proxy-command"


def test_vless_encryption_becomes_a_server_of_a_program(tmp_path: Path) -> None:
    source = tmp_path / "list.txt"
    encryption = "mlkem768x25519plus.native.0rtt.SECRET"
    source.write_text(f"vless://{UUID(int=7)}@v.example:443?encryption={encryption}#v\n")
    import_confs(read_confs([source]), tmp_path)
    (server,) = read(tmp_path).fleet.servers
    assert server.protocol == "proxy-command"
    assert encryption in (tmp_path / "v.link").read_text()


def test_a_second_import_changes_nothing(tmp_path: Path) -> None:
    source = tmp_path / "list.yaml"
    source.write_text(CLASH)
    import_confs(read_confs([source]), tmp_path)
    report = import_confs(read_confs([source]), tmp_path)
    assert (report.added, report.existing) == ((), tuple(each.name for each in ALL))


def test_servers_that_share_an_endpoint_are_told_apart_by_their_links(tmp_path: Path) -> None:
    source = tmp_path / "links.txt"
    first, second = "trojan://SECRET1@h.example:443#a", "trojan://SECRET2@h.example:443#b"
    source.write_text(f"{first}\n{second}\n{first}\n")
    report = import_confs(read_confs([source]), tmp_path)
    assert [each.name for each in report.added] == ["a", "b"]
    assert report.existing == ("a",)


def test_the_preview_has_the_same_servers_and_writes_nothing(tmp_path: Path) -> None:
    source = tmp_path / "links.txt"
    source.write_text("trojan://SECRET1@h.example:443#a\ntrojan://SECRET1@h.example:443#b\nssr://x\n")
    shown = preview(read_confs([source]), tmp_path, read(tmp_path).fleet, {})
    assert ([each.name for each in shown.servers], shown.existing) == (["a"], ("a",))
    assert shown.faults == ('links.txt: "link 3": wgmon-tui cannot check a link of ssr://',)
    assert not (tmp_path / "servers.toml").exists()


def test_a_wireguard_link_in_a_list_becomes_a_server_of_wireguard(tmp_path: Path) -> None:
    source = tmp_path / "links.txt"
    source.write_text(
        f"wireguard://{WIREGUARD_KEY}@h.example:51820?publickey={WIREGUARD_PUBLIC}&address=10.8.0.2/32#fra%201\n"
        f"{write_link(ALL[0])}\n"
    )
    report = import_confs(read_confs([source]), tmp_path)
    assert [(each.name, each.protocol) for each in report.added] == [
        ("fra 1", "wireguard"),
        (ALL[0].name, "shadowsocks"),
    ]


def test_a_link_on_the_command_line_is_refused_and_not_repeated(tmp_path: Path) -> None:
    for word in ("trojan://SECRET@h.example:443", Path("trojan://SECRET@h.example:443")):
        report = import_confs(read_confs([word]), tmp_path)
        assert "SECRET" not in str(report)
        assert "type: wgmon-tui import -" in str(report.faults[0])


def test_a_list_counts_as_one_file(tmp_path: Path) -> None:
    source = tmp_path / "links.txt"
    source.write_text("trojan://SECRET1@h.example:443#a\ntrojan://SECRET2@h.example:443#b\nssr://x\n")
    report = import_confs(read_confs([source]), tmp_path)
    assert report.lines[-1] == "1 file: 2 servers added and 1 fault"


def test_an_imported_server_has_only_what_differs_from_the_defaults(tmp_path: Path) -> None:
    source = tmp_path / "links.txt"
    source.write_text("trojan://SECRET1@h.example:443#a\n")
    import_confs(read_confs([source]), tmp_path)
    assert (tmp_path / "servers.toml").read_text().endswith('[server.trojan]\nlink_file = "a.link"\n')


def test_a_plugin_that_no_program_is_configured_for_stays_a_server_of_its_protocol(tmp_path: Path) -> None:
    source = tmp_path / "links.txt"
    source.write_text("ss://YWVzLTI1Ni1nY206U0VDUkVU@b.example:1/?plugin=obfs-local%3Bobfs%3Dhttp#b\n")
    report = import_confs(read_confs([source]), tmp_path)
    assert [each.protocol for each in report.added] == ["shadowsocks"]
    (line,) = [each for each in report.lines if "plugin" in each]
    assert line.startswith('links.txt: "b": plugins such as obfs and v2ray-plugin are not supported')
    assert "SECRET" not in line
