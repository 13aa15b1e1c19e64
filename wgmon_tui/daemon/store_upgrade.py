"""Stores of other versions: an earlier one is upgraded, with its progress; a later one is refused."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.monitor.controller import LoadingProgress
from wgmon_tui.store.store_version import VERSION, version_in_header


class StoreUpgrade:
    """Upgrades the store of a state directory in a thread, because that can take minutes."""

    def __init__(self, state_dir: Path) -> None:
        self.progress: LoadingProgress | None = None
        """How far it is; None while there is nothing to show."""
        self.is_running = False
        self._state_dir = state_dir
        self._is_stopped = False

    async def run_in_thread(self) -> None:
        """`run` in a thread. A cancellation stops it and waits for it: only then may the lock be released."""
        running = asyncio.ensure_future(asyncio.to_thread(self.run))
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            self.stop()
            while not running.done():
                with suppress(asyncio.CancelledError):  # Textual cancels a worker twice
                    await asyncio.wait({running})
            running.exception()
            raise

    def run(self) -> None:
        """Upgrade the store if it needs it. Raises UpgradeStoppedError after `stop`."""
        from wgmon_tui.store.store_file import upgrade_store  # behind the first paint

        self.is_running = True
        try:
            upgrade_store(self._state_dir, self._show)
        finally:
            self.is_running, self.progress = False, None

    def stop(self) -> None:
        """End the upgrade after the server that it is at. The store stays as it was. From any thread."""
        self._is_stopped = True

    def _show(self, done: int, total: int) -> None:
        from wgmon_tui.store.store_file import UpgradeStoppedError

        if self._is_stopped:
            raise UpgradeStoppedError
        self.progress = LoadingProgress("the history", done, total, "upgrading")


def refuse_newer_store(state_dir: Path) -> None:
    """Raise ConfigurationError if a later version wrote the store."""
    if version_in_header(state_dir) <= VERSION:
        return
    from wgmon_tui.store.database import NewerStoreError
    from wgmon_tui.store.store_file import refuse_newer

    try:
        refuse_newer(state_dir)
    except NewerStoreError as error:
        raise ConfigurationError(str(error)) from None
