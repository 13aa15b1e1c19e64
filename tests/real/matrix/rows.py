"""The matrix: every known failure, and its expected verdict on each real server."""

from __future__ import annotations

from tests.real.matrix.behind_rows import BEHIND
from tests.real.matrix.data_rows import CUT, ELSEWHERE, SIZE, SPEED
from tests.real.matrix.inner_rows import ECHOES, NOT_PROBED, SERVICES
from tests.real.matrix.nat_rows import BEHIND_A_NAT, NOWHERE
from tests.real.matrix.path_rows import ON_THE_WAY, OUR_SIDE, TWO_AT_ONCE
from tests.real.matrix.server_rows import ALL_WELL, INSIDE, ITS_PROCESS, KEYS
from tests.real.matrix.watched_rows import NAMED, SHARED, UPLINK

ROWS = (
    *ALL_WELL,
    *KEYS,
    *INSIDE,
    *SERVICES,
    *NOT_PROBED,
    *BEHIND,
    *ECHOES,
    *ON_THE_WAY,
    *BEHIND_A_NAT,
    *NOWHERE,
    *SIZE,
    *SPEED,
    *CUT,
    *ELSEWHERE,
    *ITS_PROCESS,
    *OUR_SIDE,
    *UPLINK,
    *NAMED,
    *SHARED,
    *TWO_AT_ONCE,
)
