"""Role of this process for a state directory: the writer, or a viewer that may become the writer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.config.config_toml import read_config
from wgmon_tui.config.models import ConfigurationError, Server
from wgmon_tui.config.ownership import explain_foreign
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.config.servers_file import NAME
from wgmon_tui.config.servers_toml import OnServersRead
from wgmon_tui.config.shard import Shard
from wgmon_tui.daemon.config_watcher import LoadedConfig, load_config
from wgmon_tui.daemon.controller_proxy import ControllerProxy, NullController
from wgmon_tui.daemon.store_upgrade import StoreUpgrade, refuse_newer_store
from wgmon_tui.daemon.writer_lock import (
    StateDirectoryMovedError,
    WriterLock,
    WriterRunningError,
    WrongOwnerError,
)
from wgmon_tui.garbage_collection import collect_rarely, collection_paused
from wgmon_tui.monitor.controller import FleetController, LoadingProgress
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.freshness import read_clocks
from wgmon_tui.monitor.staleness import StalenessScan
from wgmon_tui.net.accounts import explain_access_denied

if TYPE_CHECKING:
    from wgmon_tui.daemon.viewer import Viewer
    from wgmon_tui.daemon.writer import Writer
    from wgmon_tui.monitor.engine import Engine

_RETRY_S = 2.0


class RoleManager(ControllerProxy):
    """Elects the role of this process. Its `FleetState` stays the same when a viewer becomes the writer.

    Importing the writer takes longer than reading the files. `run` does it after the first paint.
    """

    def __init__(
        self,
        config_dir: Path,
        state_dir: Path,
        shard: Shard | None = None,
        *,
        read_only: bool = False,
        reads_later: bool = False,
    ) -> None:
        """Take the writer lock, or become a viewer of the process that holds it.

        A writer checks the `shard` of the fleet, or all of it. With `read_only` this process stays a viewer
        that changes nothing, even while there is no writer. Blocks while the commands that print secrets
        run. Raises ConfigurationError for invalid files, a store of a later version, or an account without
        access. With `reads_later`, `run` reads the files, in a thread, and raises that error.
        """
        self.fleet_state = FleetState()
        self._config_dir = config_dir
        self._state_dir = state_dir
        self._shard = shard
        self._read_only = read_only
        self._takeover_requested = asyncio.Event()
        self._trouble: str | None = None
        self._viewer: Viewer | None = None
        self._writer_inputs: tuple[WriterLock | None, LoadedConfig] | None = None
        """The lock and configuration for a writer that is not started yet."""
        self._unread: WriterLock | None = None
        """The lock, while the configuration is not read yet."""
        self._reading = LoadingProgress(NAME)
        self._store_upgrade = StoreUpgrade(state_dir)
        self.load_error: ConfigurationError | None = None
        """Why the configuration could not be read after the start."""
        self._writer: Writer | None = None
        self._null_controller = NullController(self.fleet_state)
        if read_only:
            if state_dir.exists():
                _require_access(state_dir)
            self._viewer = self._new_viewer()
        else:
            self._elect(reads_later=reads_later)

    def _elect(self, *, reads_later: bool) -> None:
        """Take the writer lock and read the files, or become a viewer."""
        try:
            lock = self._acquire_lock()
        except (WriterRunningError, WrongOwnerError):
            if not self._state_dir.exists() and (line := explain_foreign(self._state_dir)):
                raise ConfigurationError(line) from None
            _require_access(self._state_dir)
            self._viewer = self._new_viewer()
            return
        if reads_later and lock:
            self._unread = lock
            return
        loaded = self._load(lock)
        self._writer_inputs = lock, loaded
        self.fleet_state.replace(loaded.fleet.servers)

    @property
    def loading(self) -> LoadingProgress | None:
        """The progress of reading servers.toml, or a viewer's of reading the store; None afterwards."""
        if upgrading := self._store_upgrade.progress:
            return upgrading
        return self._reading if self._unread else self._current.loading

    @property
    def engine(self) -> Engine | None:
        """The engine that checks; None for a viewer, and before `open`."""
        return self._writer.engine if self._writer else None

    def open(self) -> Engine | None:
        """Start the writer, if this process is to write and has not started. Raises ConfigurationError."""
        writer_inputs, self._writer_inputs = self._writer_inputs, None
        if writer_inputs:
            self._start_writer(*writer_inputs)
        return self.engine

    @asynccontextmanager
    async def following_store(self) -> AsyncIterator[None]:
        """Run, and enter the block once a viewer has read the store, or failed to."""
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
        """The configuration and secrets; None for a viewer."""
        if self._writer_inputs:
            return self._writer_inputs[1]
        return self._writer.loaded if self._writer else None

    async def run(self) -> None:
        """Run until cancelled. Raises OSError if no socket for probing can be opened."""
        try:
            if self._unread:
                with collection_paused():
                    await self._read(self._unread)
            await self._open_in_background()
            await self._run_in_turns()
        finally:
            self._store_upgrade.stop()

    async def _run_in_turns(self) -> None:
        """Run as a viewer or as the writer, whichever this process is."""
        while True:
            while self._writer is None:
                await self._run_viewer()
            try:
                await self._writer.run()
            except StateDirectoryMovedError as error:
                self._trouble = str(error)
                self._writer = None

    async def _open_in_background(self) -> None:
        """Start the writer, if this process is to write and has not started."""
        if self._writer_inputs:
            try:
                with collection_paused():
                    await asyncio.to_thread(_import_writer, self._writer_inputs[1])
                await self._store_upgrade.run_in_thread()  # minutes, in which a screen makes garbage
                with collection_paused():
                    self.open()
                collect_rarely()
            except BaseException:
                self.close()
                raise

    async def _read(self, lock: WriterLock) -> None:
        """Read the configuration after the first paint, and show its servers while they are read."""
        loop, shard = asyncio.get_running_loop(), self._shard

        def show(servers: Sequence[Server], read: int, total: int) -> None:
            shown = [each for each in servers if shard is None or shard.covers(each.name)]
            loop.call_soon_threadsafe(self._show_servers, shown, LoadingProgress(NAME, read, total))

        try:
            loaded = await asyncio.to_thread(self._load, lock, show)
        except ConfigurationError as error:
            self.load_error = error
            raise
        self._writer_inputs, self._unread = (lock, loaded), None
        self.fleet_state.replace(loaded.fleet.servers)

    def _show_servers(self, servers: Sequence[Server], reading: LoadingProgress) -> None:
        self._reading = reading
        self.fleet_state.add(servers)

    def close(self) -> None:
        """Release the lock and the store, if `run` was never called."""
        self._store_upgrade.stop()
        lock = self._writer_inputs[0] if self._writer_inputs else self._unread
        if self._writer:
            self._writer.close()
        elif lock:
            lock.release()
        self._writer_inputs = self._unread = None

    # The interface for user interfaces

    @property
    def status(self) -> str:
        """The writer, if it is another process."""
        if self.can_become_writer:
            return "nobody is checking · press T"
        return self._current.status

    @property
    def warning(self) -> str | None:
        """The most serious problem, in one line."""
        return self._trouble or self._current.warning

    @property
    def can_become_writer(self) -> bool:
        """Whether there is no writer, and this process may become it."""
        if self._read_only or self._viewer is None:
            return False
        return self._viewer.writer_gone.is_set() and self._owns_state_dir()

    def become_writer(self) -> None:
        """Become the writer, unless another process takes the lock first."""
        self._takeover_requested.set()

    @property
    def _current(self) -> FleetController:
        return self._writer or self._viewer or self._null_controller

    @property
    def _request_target(self) -> FleetController:
        if not self._store_upgrade.is_running:
            self.open()
        return self._current

    # How a viewer becomes the writer

    async def _run_viewer(self) -> None:
        """Run as a viewer until this process becomes the writer."""
        viewer = self._viewer = self._viewer or self._new_viewer()
        if self._read_only:
            await viewer.run()
            return
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
        self.fleet_state.start_over()  # what the viewer showed came from another process
        try:
            self._start_writer(lock, loaded)
        except ConfigurationError as error:
            self._trouble = f"cannot take over: {error}"
            self._viewer = None

    async def _take_over_when_possible(self, viewer: Viewer) -> tuple[WriterLock, LoadedConfig]:
        """The lock and configuration, once the writer has ended and a takeover is requested."""
        while True:
            await self._wait_for_takeover(viewer)
            self._trouble = None
            try:
                lock = WriterLock.acquire(self._state_dir)
                return lock, await self._load_for_writer(lock)
            except WriterRunningError:
                # Another process took the lock first, and the viewer will find it. Or the ending writer
                # holds the lock slightly longer than its socket, and the request stays pending.
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
                self._takeover_requested.clear()  # there is a writer again
                await viewer.writer_gone.wait()
            if self._should_take_over_unasked():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_S):
                    await self._takeover_requested.wait()
                self._takeover_requested.clear()
                return

    def _should_take_over_unasked(self) -> bool:
        """Whether take_over is set in config.toml, and this account owns the state directory."""
        if not self._owns_state_dir():
            return False
        try:
            return read_config(self._config_dir, runs_commands=False).take_over
        except ConfigurationError as error:
            self._trouble = str(error)
            return False

    def _owns_state_dir(self) -> bool:
        try:
            return self._state_dir.stat().st_uid == os.geteuid()
        except OSError:
            return False

    def _acquire_lock(self) -> WriterLock | None:
        """None if the directory cannot be created: checks run, and nothing is stored."""
        try:
            return WriterLock.acquire(self._state_dir)
        except PermissionError:
            raise ConfigurationError(explain_access_denied(self._state_dir)) from None
        except OSError:
            return None

    def _load(self, lock: WriterLock | None, on_read: OnServersRead | None = None) -> LoadedConfig:
        """Load the configuration. Releases the lock if the files or the store are not usable."""
        try:
            refuse_newer_store(self._state_dir)
            return load_config(
                self._config_dir, shard=self._shard, state_dir=self._state_dir, on_read=on_read
            )
        except BaseException:
            if lock:
                lock.release()
            raise

    def _new_viewer(self) -> Viewer:
        if self._read_only:
            from wgmon_tui.daemon.read_only_viewer import ReadOnlyViewer

            return ReadOnlyViewer(self._state_dir, self.fleet_state)
        from wgmon_tui.daemon.viewer import Viewer

        return Viewer(self._state_dir, self.fleet_state)

    async def _load_for_writer(self, lock: WriterLock) -> LoadedConfig:
        loaded = await asyncio.to_thread(self._load, lock)
        try:
            await asyncio.to_thread(_import_writer, loaded)
            await self._store_upgrade.run_in_thread()
        except BaseException:
            lock.release()
            raise
        return loaded

    def _start_writer(self, lock: WriterLock | None, loaded: LoadedConfig) -> None:
        from wgmon_tui.daemon.writer_assembly import build_writer
        from wgmon_tui.store.database import NewerStoreError

        try:
            self._writer = build_writer(
                self._state_dir, loaded, lock, config_dir=self._config_dir, fleet_state=self.fleet_state
            )
        except NewerStoreError as error:
            if lock:
                lock.release()
            raise ConfigurationError(str(error)) from None
        self._viewer = None
        # Old results that were restored must not look like new ones until the first checks.
        StalenessScan(self.fleet_state).update(read_clocks(), is_checking=False)


def _require_access(state_dir: Path) -> None:
    if not os.access(state_dir, os.R_OK | os.X_OK):
        raise ConfigurationError(explain_access_denied(state_dir)) from None


def _import_writer(loaded: LoadedConfig) -> None:
    """Do the slow part of a writer's start, in a thread: import it and compute its targets."""
    import_module("wgmon_tui.daemon.writer_assembly")
    loaded.with_targets()


async def _wait_until_read(viewer: Viewer) -> None:
    await viewer.store_read.wait()
    await viewer.writer_searched.wait()
