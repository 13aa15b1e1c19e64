"""What the real `wg` says of a configuration: `wg setconf` parses it before it looks for the interface.

Needs the package wireguard-tools, and neither rights nor an interface.
"""

from __future__ import annotations

import os
import shutil
import subprocess

NO_INTERFACE = "wgmon-no-if"
_REFUSALS = ("Configuration parsing error", "Invalid configuration")

IS_INSTALLED = shutil.which("wg") is not None


def is_accepted_by_wg(conf: bytes) -> bool:
    """Whether `wg setconf` gets as far as the interface, which does not exist."""
    done = subprocess.run(
        ["wg", "setconf", NO_INTERFACE, "/dev/stdin"],
        input=conf,
        capture_output=True,
        check=False,
        timeout=30,
        env={**os.environ, "LC_ALL": "C", "WG_ENDPOINT_RESOLUTION_RETRIES": "0"},
    )
    said = done.stderr.decode(errors="replace")
    if said.rstrip().endswith(_REFUSALS):
        return False
    assert "Unable to modify interface" in said, said
    return True
