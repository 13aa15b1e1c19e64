"""Choices on the screen that outlive the program: theme, columns, bandwidth, preview."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.tui.choices import ChoiceChanges, ChoicesFile
from wgmon_tui.tui.context import AppPart


class RememberedChoicesApp(AppPart):
    """An app that remembers in a file what is chosen. Without a file it forgets it when it ends."""

    _choices_file: ChoicesFile | None = None
    _has_told_of_choices = False

    @property
    def choices_path(self) -> Path | None:
        """The file in which choices are remembered; None where they are not."""
        return self._choices_file.path if self._choices_file else None

    def report_damaged_choices(self) -> None:
        """Show an error if the file has lost what was chosen."""
        if self._choices_file is not None and self._choices_file.is_damaged:
            path = self.glyphs.clean(str(self._choices_file.path))
            self.show_error("What was chosen in the settings is lost. This file is damaged:", path)

    def choose(self, **changes: Unpack[ChoiceChanges]) -> None:
        """Change what is chosen on the screen, and remember it."""
        self.choices = replace(self.choices, **changes)
        if self._choices_file is not None:
            self._choices_file.record(self.choices, changes)
            self.run_worker(self._store_choices(self._choices_file), group="choices", exit_on_error=False)

    async def _store_choices(self, file: ChoicesFile) -> None:
        try:
            await asyncio.to_thread(file.flush)
        except (OSError, ConfigurationError) as error:
            if not self._has_told_of_choices:
                self._has_told_of_choices = True
                reason = error.strerror if isinstance(error, OSError) else str(error)
                self.show_notice("Not remembered after the program ends:", f"{file.path}: {reason}")
