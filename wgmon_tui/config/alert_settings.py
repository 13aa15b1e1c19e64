"""All alerting settings of config.toml in one record.

Each start needs it, but its parts only where a config.toml has them: they take 1 ms of a start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wgmon_tui.records import dataclass

if TYPE_CHECKING:
    from wgmon_tui.config.alerting import Maintenance, Rule, Sink


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """All alerting settings of config.toml."""

    sinks: tuple[Sink, ...] = ()
    rules: tuple[Rule, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()

    @property
    def effective_rules(self) -> tuple[Rule, ...]:
        """The rules. Without any, every sink gets every outage and recovery."""
        from wgmon_tui.config.alerting import Rule

        everywhere = Rule(tuple(sink.name for sink in self.sinks), severities=("down",))
        return self.rules or (everywhere,)

    def sink(self, name: str) -> Sink | None:
        """The sink named `name`, or None."""
        return next((sink for sink in self.sinks if sink.name == name), None)
