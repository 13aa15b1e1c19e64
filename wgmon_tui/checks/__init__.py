"""Checks and their evidence: what a check sent, received and observed, and how verdicts are named."""
