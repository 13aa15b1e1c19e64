"""How hypothesis runs in this room: no deadline, since a shared machine may stop any example for a while."""

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
