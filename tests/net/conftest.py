"""A kernel that timestamps what arrives, for every test here."""

from tests.kernel_timestamps import kernel_that_stamps as kernel_that_stamps
