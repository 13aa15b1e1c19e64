"""The base of servers of the lab: `async with` starts and stops them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class StartedServer(ABC):
    """A server that answers while its block runs."""

    @abstractmethod
    async def start(self) -> None:
        """Start to answer."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop answering and close the port."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
