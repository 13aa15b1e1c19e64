"""Which process makes the checks: the writer of the state directory, asked over its control socket."""

from __future__ import annotations

from pathlib import Path

from wgmon_tui.control.client import AccessDeniedError, ControlConnection, NoWriterError
from wgmon_tui.control.protocol import Operation
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus, ok_item

_SUBJECT = "prober"


async def check_prober(state_dir: Path) -> ExaminedItem:
    """Ask the writer of a state directory whether it makes the checks of other commands."""
    try:
        connection = await ControlConnection.connect(state_dir)
    except NoWriterError:
        return ok_item(_SUBJECT, "no wgmon-tui runs here; each command makes its own checks")
    except AccessDeniedError as error:
        return ExaminedItem(
            _SUBJECT, ItemStatus.LOOK, str(error), "use --state DIR and an identity of your own"
        )
    pid, allowed = connection.writer.pid, connection.greeting.allowed
    await connection.close()
    if Operation.PROBE in allowed:
        return ok_item(_SUBJECT, f"wgmon-tui (pid {pid}) makes the checks of all commands")
    fact = f"wgmon-tui (pid {pid}) is an older version, beside which checks lose packets; restart it"
    return ExaminedItem(_SUBJECT, ItemStatus.LOOK, fact, f"type: ps -o args -p {pid}")
