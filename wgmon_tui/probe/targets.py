"""Servers and their resolved secrets, joined into what can be checked; and why the others cannot."""

from __future__ import annotations
