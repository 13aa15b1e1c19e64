"""Subcommands: their arguments and what they do, one module per subject.

Each command imports the packages it needs when it runs. So `--help` is quick, and a command that prints and
exits never loads the terminal UI.
"""
