"""Profiles with the files that they name, in a directory or an archive."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from tests.protocols.openvpn.profile_texts import STAND_IN, STAND_IN_KEY, static_key

WITH_FILES = "client\nremote a 1194\nca ca.crt\ncert client.crt\nkey client.key\ntls-auth ta.key 1\n"
FILES = {
    "ca.crt": STAND_IN,
    "client.crt": STAND_IN,
    "client.key": STAND_IN_KEY,
    "ta.key": static_key(),
    "pass.txt": "ada\nenigma\n",
}


def write_files(directory: Path, text: str = WITH_FILES) -> Path:
    for name, content in {**FILES, "client.ovpn": text}.items():
        path = directory / name
        path.write_text(content)
        path.chmod(0o600)
    return directory / "client.ovpn"


def archive(members: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as written:
        for name, text in members.items():
            written.writestr(name, text)
    return content.getvalue()
