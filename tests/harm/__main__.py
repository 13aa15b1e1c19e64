"""Runner of the long forms, one after the other: `python -m tests.harm [NAME[=COUNT]…]`.

Each runs in a separate process and prints the figures that docs/reliability.md states. It fails if a promise
of that page does not hold. COUNT replaces how often it does harm.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

FORMS = {
    "soak": "1,000 servers at 2 s for two hours",
    "signals": "every stop signal at 50 random moments of every command",
    "hostile_agent": "hostile agents and a hostile group member for two minutes",
    "kills": "300 kill -9 of `wgmon-tui run` at random moments",
    "damaged_stores": "`wgmon-tui run` and exports on 1,000 damaged state directories",
    "mutations": "20,000 mutations of each configuration file",
    "forged_answers": "false verdicts of checks beside forged ICMP errors, answers, cookies and data",
    "hostile_datagrams": "a million hostile datagrams at the socket of the checks",
    "openvpn_datagrams": "a million hostile datagrams at the client of OpenVPN",
    "ikev2_datagrams": "a million hostile datagrams at the client of IKEv2",
    "child_processes": "programs that hang, flood and fork; none is left behind",
    "busy_machine": "the default tests beside busy programs, and while they are stopped now and then",
}


def main() -> int:
    """Run the named forms, or all; the exit code shows whether every promise holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.harm", description=main.__doc__)
    parser.add_argument("forms", nargs="*", metavar="NAME[=COUNT]", help=f"of {', '.join(FORMS)}")
    forms = parser.parse_args().forms or list(FORMS)
    for form in forms:
        if form.partition("=")[0] not in FORMS:
            parser.error(f"there is no form {form!r}; expected one of {', '.join(FORMS)}")
    failed = False
    for form in forms:
        name, _, count = form.partition("=")
        heading = f"{name}: {FORMS[name]}"
        print(f"\n{heading}\n{'=' * len(heading)}\n", flush=True)
        command = [sys.executable, "-m", f"tests.harm.{name}", *([count] if count else [])]
        failed |= subprocess.run(command, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
