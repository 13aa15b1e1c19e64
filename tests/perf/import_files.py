"""The import of many wg-quick files: `python -m tests.perf.import_files [FILES…]`.

Each file has a key of its own. Measured is the command itself, in a separate process. The time for each file
must not grow with their number; the ratio of processor time to that at the smallest number shows it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from wgmon_tui.config.keys import PrivateKey

SIZES = (1_000, 5_000, 10_000)


def main(sizes: Sequence[int] = SIZES) -> None:
    """Print the time for each file at each number of files."""
    import_once(10)  # compiles the bytecode
    print(f"{'files':>8} {'seconds':>9} {'CPU s':>7} {'ms of CPU a file':>17} {'ratio':>6} {'lines':>6}")
    smallest = 0.0
    for size in sizes:
        elapsed_s, cpu_s, lines = import_once(size)
        per_file_ms = 1000 * cpu_s / size
        smallest = smallest or per_file_ms
        ratio = per_file_ms / smallest
        print(
            f"{size:>8} {elapsed_s:>9.2f} {cpu_s:>7.2f} {per_file_ms:>17.3f} {ratio:>6.2f} {lines:>6}",
            flush=True,
        )


def import_once(size: int) -> tuple[float, float, int]:
    """Import so many files. Returns the seconds, those of the processor, and the number of printed lines."""
    with TemporaryDirectory() as directory:
        files = Path(directory, "files")
        files.mkdir()
        for number in range(size):
            write_file(files / f"server-{number}.conf", number)
        command = [sys.executable, "-m", "wgmon_tui", "--config", f"{directory}/config", "import", str(files)]
        started, cpu_before = time.perf_counter(), sum(os.times()[2:4])
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        elapsed_s, cpu_s = time.perf_counter() - started, sum(os.times()[2:4]) - cpu_before
        return elapsed_s, cpu_s, len((done.stdout + done.stderr).splitlines())


def write_file(path: Path, number: int) -> None:
    """Write a wg-quick file with a server and keys of its own."""
    public_key = b64encode(PrivateKey.generate().public.raw).decode()
    path.write_text(
        f"[Interface]\nPrivateKey = {PrivateKey.generate().to_text()}\n"
        f"Address = 10.{number >> 16}.{number >> 8 & 255}.{number & 255}/32\n\n"
        f"[Peer]\nPublicKey = {public_key}\nEndpoint = 192.0.2.{number % 250}:{1024 + number}\n"
        "AllowedIPs = 0.0.0.0/0\n"
    )
    path.chmod(0o600)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or SIZES)
