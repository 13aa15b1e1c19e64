"""Files of wg-quick in a directory, and their import."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_interface
from pathlib import Path

from tests.config.sample_fleets import OWN_KEY, SERVER_KEY
from wgmon_tui.config.imports.conf_reading import read_confs
from wgmon_tui.config.imports.import_report import ImportReport
from wgmon_tui.config.imports.new_identity import keygen
from wgmon_tui.config.imports.wg_quick_import import (
    ImportOptions,
    import_confs,
)
from wgmon_tui.config.keys import PresharedKey, PrivateKey, PublicKey

PSK = PresharedKey(b"\x07" * 32)
ADDRESS = "10.8.0.250/32"


def write_conf(
    directory: Path,
    name: str = "wg0.conf",
    *,
    key: PrivateKey = OWN_KEY,
    server: PublicKey = SERVER_KEY,
    address: str = ADDRESS,
    psk: PresharedKey | None = None,
) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    preshared = f"PresharedKey = {psk.to_text()}\n" if psk else ""
    path.write_text(
        f"[Interface]\nPrivateKey = {key.to_text()}\nAddress = {address}\n"
        f"[Peer]\nPublicKey = {server}\nEndpoint = fra1.example.net:51820\n{preshared}"
    )
    path.chmod(0o600)
    return path


def import_conf(paths: Iterable[Path], config_dir: Path, identity: str | None = None) -> ImportReport:
    return import_confs(read_confs(paths), config_dir, ImportOptions(identity))


def bring_in(path: Path, config_dir: Path) -> ImportReport:
    return import_conf([path], config_dir)


def secret_files(config_dir: Path) -> set[str]:
    return {path.name for path in config_dir.iterdir() if path.suffix in (".key", ".psk")}


def bastion(config_dir: Path) -> PublicKey:
    return keygen("bastion", config_dir, [ip_interface("10.8.0.9/32")]).public_key
