"""Share links that are pasted: they are imported, and shown nowhere."""

from __future__ import annotations

from pathlib import Path

from tests.tui.editing.test_import_screen import open_import, previewed
from tests.tui.editing_harness import editing
from wgmon_tui.config.imports.pasted_text import is_share_link
from wgmon_tui.tui.editing.import_screen import ImportScreen
from wgmon_tui.tui.editing.server_form import ServerForm

LINKS = "trojan://SECRET1@a.example:443#fra\rss://YWVzLTI1Ni1nY206U0VDUkVU@b.example:1#lon\r"


async def test_links_that_are_pasted_into_the_fleet_are_imported(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await it.paste(LINKS)
        await it.opened(ImportScreen)
        await previewed(it, "+ server fra")
        assert "SECRET" not in it.text()
        await it.press("enter")
        await it.home()
        assert [(each.name, each.protocol) for each in it.fleet.servers] == [
            ("fra", "trojan"),
            ("lon", "shadowsocks"),
        ]


async def test_a_link_can_be_pasted_in_place_of_a_path(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await open_import(it, "nowhere")
        await it.paste(LINKS)
        await previewed(it, "+ server fra")
        assert "SECRET" not in it.text()


async def test_a_link_is_not_pasted_into_a_field_that_shows_it(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await it.press("n")
        await it.opened(ServerForm)
        await it.paste(LINKS)
        await it.until(lambda: "This is a share link" in it.text())
        assert "SECRET" not in it.text()


def test_a_url_and_a_wg_quick_file_are_no_share_links() -> None:
    for text in ("http://a.example/", "https://a.example", "[Interface]\n", "", "ss:// b", "x ss://b"):
        assert not is_share_link(text)
    assert is_share_link("\n vless://x@h:1 \r\n")
