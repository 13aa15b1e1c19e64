"""What this process is for a state directory: its writer, or a viewer of it that may become the writer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.fleet.config_toml import read_config
from wgmon_tui.fleet.private_files import shown
from wgmon_tui.fleet.records import ConfigurationError
from wgmon_tui.fleet.shard import Shard
from wgmon_tui.history.database import NewerStoreError
from wgmon_tui.history.store import refuse_newer
from wgmon_tui.monitor.board import Board
from wgmon_tui.monitor.feed import Feed
from wgmon_tui.service.accounts import refusal
from wgmon_tui.service.lock import LockTakenError, NotOursError, WriterLock
from wgmon_tui.service.relay import Nobody, Relay
from wgmon_tui.service.reload import Loaded, load

if TYPE_CHECKING:
    from wgmon_tui.monitor.engine import Engine
    from wgmon_tui.service.viewer import Viewer
    from wgmon_tui.service.writer import Writer

_TRY_AGAIN_S = 2.0


class Station(Relay):
    """A board that stays the same one while a viewer becomes the writer.

    To load what checks and writes takes longer than to read the files: `run` does it, behind the first paint.
    """

    def __init__(self, config_dir: Path, state_dir: Path, shard: Shard | None = None) -> None:
        """Takes the lock, or attaches to whoever holds it.

        Who writes checks the `shard` of the fleet, or all of it.

        Blocks for as long as the commands that print secrets take. Raises ConfigurationError: of what is in
        the files, for a store of a later version, for an account that is not let in.
        """
        self.board = Board()
        self._config_dir = config_dir
        self._state_dir = state_dir
        self._shard = shard
        self._wish = asyncio.Event()
        self._trouble: str | None = None
        self._viewer: Viewer | None = None
        self._to_write: tuple[WriterLock | None, Loaded] | None = None
        """What makes us the writer, until there is one."""
        self._writer: Writer | None = None
        self._nobody = Nobody(self.board)
        try:
            lock = self._take_lock()
        except (LockTakenError, NotOursError):
            if not os.access(state_dir, os.R_OK | os.X_OK):
                raise ConfigurationError(refusal(state_dir)) from None
            self._viewer = self._new_viewer()
        else:
            loaded = _load_under(lock, config_dir, state_dir, shard)
            self._to_write = lock, loaded
            self.board.replace(loaded.fleet.servers)

    @property
    def engine(self) -> Engine | None:
        """The engine that checks; a viewer has none, and nobody before `open`."""
        return self._writer.engine if self._writer else None

    def open(self) -> Engine | None:
        """Begin to write, where that is what we are to do and did not yet. Raises ConfigurationError."""
        to_write, self._to_write = self._to_write, None
        if to_write:
            self._write(*to_write)
        return self.engine

    @asynccontextmanager
    async def seen(self) -> AsyncIterator[None]:
        """Run, and enter the block when a viewer has seen the store, or cannot."""
        running = asyncio.create_task(self.run())
        try:
            if self._viewer:
                seen = asyncio.create_task(_seen(self._viewer))
                await asyncio.wait({running, seen}, return_when=asyncio.FIRST_COMPLETED)
                seen.cancel()
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    @property
    def loaded(self) -> Loaded | None:
        """What the files say and every secret; a viewer does not know."""
        if self._to_write:
            return self._to_write[1]
        return self._writer.loaded if self._writer else None

    async def run(self) -> None:
        """Until cancelled. Raises OSError where no socket can be had to probe with."""
        if self._to_write:
            try:
                await asyncio.to_thread(_prepare, self._to_write[1])
                self.open()
            except BaseException:
                self.close()
                raise
        while self._writer is None:
            await self._view()
        await self._writer.run()

    def close(self) -> None:
        """Give up what was taken, where `run` never came to run."""
        lock = self._to_write[0] if self._to_write else None
        if self._writer:
            self._writer.close()
        elif lock:
            lock.release()
        self._to_write = None

    # What faces see and ask

    @property
    def status(self) -> str:
        """Who writes, where that is not us."""
        if self.can_take_over:
            return "writer ended · T takes over"
        return self._now.status

    @property
    def warning(self) -> str | None:
        """The line on what does not work."""
        return self._trouble or self._now.warning

    @property
    def can_take_over(self) -> bool:
        """Whether nobody writes, and we might."""
        return self._viewer is not None and self._viewer.gone.is_set() and self._may_write()

    def take_over(self) -> None:
        """Become the writer, if nobody else is faster."""
        self._wish.set()

    @property
    def _now(self) -> Feed:
        return self._writer or self._viewer or self._nobody

    @property
    def _asked(self) -> Feed:
        self.open()
        return self._now

    # How a viewer becomes the writer

    async def _view(self) -> None:
        """Follow until we are the writer."""
        viewer = self._viewer = self._viewer or self._new_viewer()
        following = asyncio.create_task(viewer.run())
        taking = asyncio.create_task(self._taken(viewer))
        try:
            await asyncio.wait({following, taking}, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()
        finally:
            for task in (following, taking):
                task.cancel()
            await asyncio.gather(following, taking, return_exceptions=True)
        lock, loaded = taking.result()
        try:
            self._write(lock, loaded)
        except ConfigurationError as error:
            self._trouble = f"cannot take over: {error}"
            self._viewer = None

    async def _taken(self, viewer: Viewer) -> tuple[WriterLock, Loaded]:
        """The lock and what the files say, once the writer has ended and it is wanted that we follow."""
        while True:
            await self._wanted(viewer)
            self._trouble = None
            try:
                lock = WriterLock.take(self._state_dir)
                return lock, await asyncio.to_thread(self._load_to_write, lock)
            except LockTakenError:
                # Another one was faster, and the viewer finds it; or the dying one holds the lock a moment
                # longer than its socket, and the wish stands.
                await asyncio.sleep(_TRY_AGAIN_S)
                if viewer.gone.is_set():
                    self._wish.set()
            except (NotOursError, ConfigurationError) as error:
                self._trouble = f"cannot take over: {error}"
            except OSError as error:
                self._trouble = f"cannot take over: {shown(self._state_dir)}: {error.strerror}"
            if self._trouble:
                await asyncio.sleep(_TRY_AGAIN_S)

    async def _wanted(self, viewer: Viewer) -> None:
        while True:
            if not viewer.gone.is_set():
                self._wish.clear()  # nobody to follow any more
                await viewer.gone.wait()
            if self._by_itself():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_TRY_AGAIN_S):
                    await self._wish.wait()
                self._wish.clear()
                return

    def _by_itself(self) -> bool:
        """Whether config.toml wants a viewer to take over unasked, and it can."""
        if not self._may_write():
            return False
        try:
            return read_config(self._config_dir).take_over
        except ConfigurationError as error:
            self._trouble = str(error)
            return False

    def _may_write(self) -> bool:
        try:
            return self._state_dir.stat().st_uid == os.geteuid()
        except OSError:
            return False

    def _take_lock(self) -> WriterLock | None:
        """None where the directory cannot even be made: checks go on, and nothing is kept."""
        try:
            return WriterLock.take(self._state_dir)
        except PermissionError:
            raise ConfigurationError(refusal(self._state_dir)) from None
        except OSError:
            return None

    def _new_viewer(self) -> Viewer:
        from wgmon_tui.service.viewer import Viewer

        return Viewer(self._state_dir, self.board)

    def _load_to_write(self, lock: WriterLock) -> Loaded:
        loaded = _load_under(lock, self._config_dir, self._state_dir, self._shard)
        _prepare(loaded)
        return loaded

    def _write(self, lock: WriterLock | None, loaded: Loaded) -> None:
        from wgmon_tui.service.writer import Writer

        try:
            self._writer = Writer(
                self._state_dir, loaded, lock, config_dir=self._config_dir, board=self.board
            )
        except NewerStoreError as error:
            if lock:
                lock.release()
            raise ConfigurationError(str(error)) from None
        self._viewer = None


def _load_under(lock: WriterLock | None, config_dir: Path, state_dir: Path, shard: Shard | None) -> Loaded:
    """What the files say; where they, or the store, cannot stand the lock is let go."""
    try:
        refuse_newer(state_dir)
        return load(config_dir, shard=shard)
    except BaseException as error:
        if lock:
            lock.release()
        if isinstance(error, NewerStoreError):
            raise ConfigurationError(str(error)) from None
        raise


def _prepare(loaded: Loaded) -> None:
    """What takes its time before there can be a writer; meant for a thread."""
    import_module("wgmon_tui.service.writer")
    loaded.joined()


async def _seen(viewer: Viewer) -> None:
    await viewer.looked.wait()
    await viewer.knocked.wait()
