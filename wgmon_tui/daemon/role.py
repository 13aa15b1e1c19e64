"""What this process is for a state directory: its writer, or a viewer of it that may become the writer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.config.config_toml import read_config
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.config.shard import Shard
from wgmon_tui.daemon.config_watcher import LoadedConfig, load_config
from wgmon_tui.daemon.controller_proxy import ControllerProxy, NullController
from wgmon_tui.daemon.writer_lock import WriterLock, WriterRunningError, WrongOwnerError
from wgmon_tui.monitor.controller import FleetController
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.net.peer_credentials import explain_access_denied
from wgmon_tui.store.database import NewerStoreError
from wgmon_tui.store.store_file import refuse_newer

if TYPE_CHECKING:
    from wgmon_tui.daemon.viewer import Viewer
    from wgmon_tui.daemon.writer import Writer
    from wgmon_tui.monitor.engine import Engine

_RETRY_S = 2.0


class RoleManager(ControllerProxy):
    """A board that stays the same one while a viewer becomes the writer.

    To load what checks and writes takes longer than to read the files: `run` does it, behind the first paint.
    """

    def __init__(self, config_dir: Path, state_dir: Path, shard: Shard | None = None) -> None:
        """Takes the lock, or attaches to whoever holds it.

        Who writes checks the `shard` of the fleet, or all of it.

        Blocks for as long as the commands that print secrets take. Raises ConfigurationError: of what is in
        the files, for a store of a later version, for an account that is not let in.
        """
        self.fleet_state = FleetState()
        self._config_dir = config_dir
        self._state_dir = state_dir
        self._shard = shard
        self._takeover_requested = asyncio.Event()
        self._trouble: str | None = None
        self._viewer: Viewer | None = None
        self._writer_inputs: tuple[WriterLock | None, LoadedConfig] | None = None
        """What makes us the writer, until there is one."""
        self._writer: Writer | None = None
        self._null_controller = NullController(self.fleet_state)
        try:
            lock = self._acquire_lock()
        except (WriterRunningError, WrongOwnerError):
            if not os.access(state_dir, os.R_OK | os.X_OK):
                raise ConfigurationError(explain_access_denied(state_dir)) from None
            self._viewer = self._new_viewer()
        else:
            loaded = _load_with_lock(lock, config_dir, state_dir, shard)
            self._writer_inputs = lock, loaded
            self.fleet_state.replace(loaded.fleet.servers)

    @property
    def engine(self) -> Engine | None:
        """The engine that checks; a viewer has none, and nobody before `open`."""
        return self._writer.engine if self._writer else None

    def open(self) -> Engine | None:
        """Begin to write, where that is what we are to do and did not yet. Raises ConfigurationError."""
        writer_inputs, self._writer_inputs = self._writer_inputs, None
        if writer_inputs:
            self._start_writer(*writer_inputs)
        return self.engine

    @asynccontextmanager
    async def following_store(self) -> AsyncIterator[None]:
        """Run, and enter the block when a viewer has seen the store, or cannot."""
        running = asyncio.create_task(self.run())
        try:
            if self._viewer:
                following_store = asyncio.create_task(_wait_until_read(self._viewer))
                await asyncio.wait({running, following_store}, return_when=asyncio.FIRST_COMPLETED)
                following_store.cancel()
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    @property
    def loaded(self) -> LoadedConfig | None:
        """What the files say and every secret; a viewer does not know."""
        if self._writer_inputs:
            return self._writer_inputs[1]
        return self._writer.loaded if self._writer else None

    async def run(self) -> None:
        """Until cancelled. Raises OSError where no socket can be had to probe with."""
        if self._writer_inputs:
            try:
                await asyncio.to_thread(_import_writer, self._writer_inputs[1])
                self.open()
            except BaseException:
                self.close()
                raise
        while self._writer is None:
            await self._run_viewer()
        await self._writer.run()

    def close(self) -> None:
        """Give up what was taken, where `run` never came to run."""
        lock = self._writer_inputs[0] if self._writer_inputs else None
        if self._writer:
            self._writer.close()
        elif lock:
            lock.release()
        self._writer_inputs = None

    # What faces see and ask

    @property
    def status(self) -> str:
        """Who writes, where that is not us."""
        if self.can_become_writer:
            return "writer ended · T takes over"
        return self._current.status

    @property
    def warning(self) -> str | None:
        """The line on what does not work."""
        return self._trouble or self._current.warning

    @property
    def can_become_writer(self) -> bool:
        """Whether nobody writes, and we might."""
        return self._viewer is not None and self._viewer.writer_gone.is_set() and self._owns_state_dir()

    def become_writer(self) -> None:
        """Become the writer, if nobody else is faster."""
        self._takeover_requested.set()

    @property
    def _current(self) -> FleetController:
        return self._writer or self._viewer or self._null_controller

    @property
    def _request_target(self) -> FleetController:
        self.open()
        return self._current

    # How a viewer becomes the writer

    async def _run_viewer(self) -> None:
        """Follow until we are the writer."""
        viewer = self._viewer = self._viewer or self._new_viewer()
        viewing = asyncio.create_task(viewer.run())
        taking_over = asyncio.create_task(self._take_over_when_possible(viewer))
        try:
            await asyncio.wait({viewing, taking_over}, return_when=asyncio.FIRST_COMPLETED)
            if viewing.done():
                viewing.result()
        finally:
            for task in (viewing, taking_over):
                task.cancel()
            await asyncio.gather(viewing, taking_over, return_exceptions=True)
        lock, loaded = taking_over.result()
        try:
            self._start_writer(lock, loaded)
        except ConfigurationError as error:
            self._trouble = f"cannot take over: {error}"
            self._viewer = None

    async def _take_over_when_possible(self, viewer: Viewer) -> tuple[WriterLock, LoadedConfig]:
        """The lock and what the files say, once the writer has ended and it is wanted that we follow."""
        while True:
            await self._wait_for_takeover(viewer)
            self._trouble = None
            try:
                lock = WriterLock.acquire(self._state_dir)
                return lock, await asyncio.to_thread(self._load_for_writer, lock)
            except WriterRunningError:
                # Another one was faster, and the viewer finds it; or the dying one holds the lock a moment
                # longer than its socket, and the wish stands.
                await asyncio.sleep(_RETRY_S)
                if viewer.writer_gone.is_set():
                    self._takeover_requested.set()
            except (WrongOwnerError, ConfigurationError) as error:
                self._trouble = f"cannot take over: {error}"
            except OSError as error:
                self._trouble = f"cannot take over: {shown(self._state_dir)}: {error.strerror}"
            if self._trouble:
                await asyncio.sleep(_RETRY_S)

    async def _wait_for_takeover(self, viewer: Viewer) -> None:
        while True:
            if not viewer.writer_gone.is_set():
                self._takeover_requested.clear()  # nobody to follow any more
                await viewer.writer_gone.wait()
            if self._should_take_over_unasked():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_S):
                    await self._takeover_requested.wait()
                self._takeover_requested.clear()
                return

    def _should_take_over_unasked(self) -> bool:
        """Whether config.toml wants a viewer to take over unasked, and it can."""
        if not self._owns_state_dir():
            return False
        try:
            return read_config(self._config_dir).take_over
        except ConfigurationError as error:
            self._trouble = str(error)
            return False

    def _owns_state_dir(self) -> bool:
        try:
            return self._state_dir.stat().st_uid == os.geteuid()
        except OSError:
            return False

    def _acquire_lock(self) -> WriterLock | None:
        """None where the directory cannot even be made: checks go on, and nothing is kept."""
        try:
            return WriterLock.acquire(self._state_dir)
        except PermissionError:
            raise ConfigurationError(explain_access_denied(self._state_dir)) from None
        except OSError:
            return None

    def _new_viewer(self) -> Viewer:
        from wgmon_tui.daemon.viewer import Viewer

        return Viewer(self._state_dir, self.fleet_state)

    def _load_for_writer(self, lock: WriterLock) -> LoadedConfig:
        loaded = _load_with_lock(lock, self._config_dir, self._state_dir, self._shard)
        _import_writer(loaded)
        return loaded

    def _start_writer(self, lock: WriterLock | None, loaded: LoadedConfig) -> None:
        from wgmon_tui.daemon.writer import Writer

        try:
            self._writer = Writer(
                self._state_dir, loaded, lock, config_dir=self._config_dir, fleet_state=self.fleet_state
            )
        except NewerStoreError as error:
            if lock:
                lock.release()
            raise ConfigurationError(str(error)) from None
        self._viewer = None


def _load_with_lock(
    lock: WriterLock | None, config_dir: Path, state_dir: Path, shard: Shard | None
) -> LoadedConfig:
    """What the files say; where they, or the store, cannot stand the lock is let go."""
    try:
        refuse_newer(state_dir)
        return load_config(config_dir, shard=shard)
    except BaseException as error:
        if lock:
            lock.release()
        if isinstance(error, NewerStoreError):
            raise ConfigurationError(str(error)) from None
        raise


def _import_writer(loaded: LoadedConfig) -> None:
    """What takes its time before there can be a writer; meant for a thread."""
    import_module("wgmon_tui.daemon.writer")
    loaded.with_targets()


async def _wait_until_read(viewer: Viewer) -> None:
    await viewer.store_read.wait()
    await viewer.writer_searched.wait()
