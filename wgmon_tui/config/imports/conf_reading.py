"""From the bytes of a source to a wg-quick file, or to the reason why it is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from wgmon_tui.config.imports.conf_sources import STANDARD_INPUT, SourceFile, read_sources
from wgmon_tui.config.imports.conf_text import DecodedText, decode_text
from wgmon_tui.config.imports.foreign_formats import explain_foreign_format
from wgmon_tui.config.imports.protocol_import import ProtocolImport, read_of_protocols
from wgmon_tui.config.imports.remarks import Remark
from wgmon_tui.config.imports.vpn_links import VpnLinkError, is_vpn_link, read_vpn_link
from wgmon_tui.config.imports.wg_quick_parser import (
    WgQuickFile,
    name_after_first_server,
    parse_lenient,
    require_whole,
)
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.protocol_settings import ImportedConf
from wgmon_tui.config.secrets.private_files import chmod_advice, shown
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class ReadConfs:
    """What was read, in order: files, servers of other protocols, and faults in place of other files."""

    items: tuple[WgQuickFile | ProtocolImport | Remark, ...] = ()

    @property
    def file_count(self) -> int:
        """The number of files. The servers of one list come one after the other."""
        lists = {each.source for each in self.items if isinstance(each, ProtocolImport)}
        return sum(each.source not in lists for each in self.items) + len(lists)

    @property
    def confs(self) -> tuple[WgQuickFile, ...]:
        """The files alone."""
        return tuple(each for each in self.items if isinstance(each, WgQuickFile))


def no_standard_input(_: int) -> bytes:
    """For callers without a standard input to read."""
    return b""


def read_confs(
    words: Iterable[str | Path],
    read_standard_input: Callable[[int], bytes] = no_standard_input,
    on_read: Callable[[int], None] = lambda _: None,
) -> ReadConfs:
    """Read all files that the words name. `on_read` gets their number after each."""
    items: list[WgQuickFile | ProtocolImport | Remark] = []
    for source in read_sources(words, read_standard_input):
        items += (source,) if isinstance(source, Remark) else _parse(source)
        on_read(len(items))
    return ReadConfs(tuple(items))


def read_conf(path: Path) -> WgQuickFile:
    """Read a .conf that must be whole, from a file or a pipe. Raises ConfigurationError."""
    items = read_confs([path]).items if str(path) != STANDARD_INPUT and not path.is_dir() else ()
    if len(items) != 1:
        raise ConfigurationError(f"{shown(path)}: expected one wg-quick file")
    if isinstance(items[0], Remark):
        raise ConfigurationError(str(items[0]))
    if isinstance(items[0], ProtocolImport):
        raise ConfigurationError(f"{shown(path)}: no wg-quick file; type: wgmon-tui import {shown(path)}")
    return require_whole(items[0])


def _parse(source: SourceFile) -> Sequence[WgQuickFile | ProtocolImport | Remark]:
    decoded = decode_text(source.data)
    if found := read_of_protocols(decoded.text, source.path.name, source.label, source.read_beside):
        return [_parse_found(source, each) for each in found]
    if not is_vpn_link(decoded.text):
        return (_parse_text(source, decoded),)
    try:
        return tuple(_parse_text(source, DecodedText(text)) for text in read_vpn_link(decoded.text))
    except VpnLinkError as error:
        return (Remark(source.label, str(error)),)


def _parse_found(
    source: SourceFile, found: ProtocolImport | ImportedConf | Remark
) -> WgQuickFile | ProtocolImport | Remark:
    if not isinstance(found, ImportedConf):
        return found
    return _with_open_key_notice(source, parse_listed(found, source.label))


def parse_listed(listed: ImportedConf, source: str) -> WgQuickFile:
    """A WireGuard server of a list. Its name is the one in the list."""
    return parse_lenient(listed.text, Path(f"{_file_name(listed.name)}.conf"), source)


def _file_name(name: str) -> str:
    """A name as the stem of a path."""
    return name.replace("/", "-").replace("\0", "").lstrip(".") or "wireguard"


def _parse_text(source: SourceFile, decoded: DecodedText) -> WgQuickFile | Remark:
    if explanation := explain_foreign_format(decoded.text, source.path.name):
        return Remark(source.label, explanation)
    conf = parse_lenient(decoded.text, source.path, source.label)
    if source.path == Path("standard input"):
        conf = name_after_first_server(conf)
    if decoded.undecodable_line is not None:
        text = "bytes that are not UTF-8; names in such comments are not read"
        conf = replace(conf, notices=(*conf.notices, Remark(source.label, text, decoded.undecodable_line)))
    return _with_open_key_notice(source, conf)


def _with_open_key_notice(source: SourceFile, conf: WgQuickFile) -> WgQuickFile:
    notices = list(conf.notices)
    if source.open_path is not None and conf.private_key is not None:
        # Only a notice, as in wg-quick: wgmon-tui does not own the file, and it is often freshly copied.
        text = f"contains a private key, and {chmod_advice(source.open_path)}"
        kind = "contain a private key, and others can read them; for each, type: chmod 600 FILE"
        notices.append(Remark(source.label, text, kind=kind))
    return replace(conf, notices=tuple(notices))
