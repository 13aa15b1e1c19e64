"""Runner of the benchmarks, one after the other: `python -m tests.perf [NAME…]`.

Each runs in a separate process, because one that pins itself to a core or freezes its heap must not affect
the next one. They print figures and assert nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

BENCHMARKS = {
    "handshake_cost": "What a handshake costs in CPU time",
    "workers": "One process against two workers",
    "check_cost": "What a whole check costs in CPU time, beside its floor",
    "peers": "What a check costs beside the programs that a user might pick instead",
    "runners": "Thirty runners and one Prometheus",
    "soak_cost": "What size checks and soaks cost per server and hour",
    "engine_load": "The engine at 2,000 checks a second",
    "fleet_table": "What the fleet table costs in bytes and CPU time",
    "key_to_paint": "From a key to its paint at 10,000 rows",
    "command_start": "What --help costs beside Python itself",
    "filter_keys": "From a key in the filter line to its rows at 10,000 rows",
    "start": "From the command to the first paint and the first verdict",
    "stored_history": "The size of the history on disk",
    "viewing": "Opening a long history, and viewing while another process writes",
    "reload": "An edit of a servers.toml of 10,000 servers",
    "import_files": "The import of 1,000 to 10,000 wg-quick files",
    "alert_latency": "From a verdict to the alert",
    "scrape": "What a scrape of 10,000 servers costs",
    "vantages": "The latency of a verdict over SSH, and the cost of five vantages for a writer",
    "history_load": "The history at 1,000 checks a second",
    "openvpn_checks": "What checks of OpenVPN servers cost",
    "ikev2_checks": "What checks of IKEv2 servers cost",
    "proxy_checks": "What checks of proxies cost, beside mihomo",
    "control_plane": "What a control plane and its watched nodes cost",
}


def main() -> int:
    """Run the named benchmarks, or all; the exit code shows whether all of them completed."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    names = parser.parse_args().names
    for name in names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; expected one of {', '.join(BENCHMARKS)}")
    failed = False
    for name in names or BENCHMARKS:
        heading = f"{name}: {BENCHMARKS[name]}"
        print(f"\n{heading}\n{'=' * len(heading)}\n", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"tests.perf.{name}"], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
