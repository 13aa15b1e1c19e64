"""Writes the lock files of this directory: `make lock`, or `python -m requirements.lock`.

Each names every package with its version and the hashes of its files, for all platforms and Python versions.
It names no index, so that a mirror can serve it: the hashes decide.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OLDEST_PYTHON = "3.11"

HEADER = "# `make lock` writes this file.\n"

RUN_EXTRAS = ("alerts", "amneziawg", "control-plane", "fetch", "prometheus", "proxy", "vpn")
"""The extras that the container has, as all that the program can do is expected there."""

LOCKS = {
    "run.txt": (
        "pyproject.toml",
        *(word for extra in RUN_EXTRAS for word in ("--extra", extra)),
    ),
    "dev.txt": ("pyproject.toml", "--extra", "dev", "--group", "build"),
    "oldest.txt": ("pyproject.toml", "--extra", "test", "--group", "build", "--resolution", "lowest-direct"),
    "release.txt": ("--group", "release"),
    "tools.txt": ("--group", "lock"),
}
"""The lock files, and what each of them locks, in the words of `uv pip compile`."""


def main() -> int:
    """Write all lock files. Returns the exit code."""
    for name, options in LOCKS.items():
        locked = subprocess.run(  # noqa: S603  uv of this environment, without a shell
            (
                *(
                    sys.executable,
                    "-m",
                    "uv",
                    "pip",
                    "compile",
                    "--universal",
                    "--python-version",
                    OLDEST_PYTHON,
                ),
                *("--generate-hashes", "--no-header", "--no-annotate", "--quiet", *options),
            ),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        (ROOT / "requirements" / name).write_text(HEADER + locked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
