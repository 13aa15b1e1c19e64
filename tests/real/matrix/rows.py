"""The matrix: every known failure, and its expected verdict on each real server."""

from __future__ import annotations

from tests.real.matrix.path_rows import ON_THE_WAY, OUR_SIDE, TWO_AT_ONCE
from tests.real.matrix.server_rows import ALL_WELL, INSIDE, ITS_PROCESS, KEYS

ROWS = (*ALL_WELL, *KEYS, *INSIDE, *ON_THE_WAY, *ITS_PROCESS, *OUR_SIDE, *TWO_AT_ONCE)
