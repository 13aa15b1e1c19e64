"""The program on macOS and FreeBSD, as far as Linux can stand in for them: see startup/sitecustomize.py."""
