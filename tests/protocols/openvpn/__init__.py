"""Tests of OpenVPN."""
