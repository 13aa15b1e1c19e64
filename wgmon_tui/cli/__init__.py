"""The subcommands, a module a subject: what each takes from the command line, and what it does.

Each imports the rooms it needs when it needs them, so that --help is quick and a one-shot never loads the
face.
"""
