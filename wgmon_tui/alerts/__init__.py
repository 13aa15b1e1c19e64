"""Telling people: what happened to an incident, to whom, when, and whether it got there. Knows no screen."""
