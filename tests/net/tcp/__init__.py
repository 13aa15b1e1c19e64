"""Tests of TCP inside a tunnel."""
