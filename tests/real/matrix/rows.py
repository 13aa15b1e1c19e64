"""The matrix: every known failure, and its expected verdict on each real server."""

from __future__ import annotations

from tests.real.matrix.rows_of_the_server import ALL_WELL, INSIDE, ITS_PROCESS, KEYS
from tests.real.matrix.rows_of_the_way import ON_THE_WAY, OUR_SIDE, TWO_AT_ONCE

ROWS = (*ALL_WELL, *KEYS, *INSIDE, *ON_THE_WAY, *ITS_PROCESS, *OUR_SIDE, *TWO_AT_ONCE)
