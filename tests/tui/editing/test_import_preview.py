"""The preview of an import says of each server what it is checked with."""

from __future__ import annotations

from pathlib import Path

from tests.tui.keys.test_key_names_in_text import NIGHT
from wgmon_tui.config.imports.conf_reading import read_confs
from wgmon_tui.config.imports.wg_quick_import import preview
from wgmon_tui.config.models import Fleet
from wgmon_tui.tui.editing.import_preview import preview_lines
from wgmon_tui.tui.theme.glyphs import UNICODE


def test_a_proxy_has_a_protocol_and_no_word_of_an_identity(tmp_path: Path) -> None:
    source = tmp_path / "links.txt"
    source.write_text("trojan://SECRET@127.0.0.1:443#t\n")
    text = preview_lines(preview(read_confs([source]), tmp_path, Fleet(), {}), Fleet(), NIGHT, UNICODE).plain
    assert "protocol trojan" in text
    assert "identity" not in text
    assert "SECRET" not in text
