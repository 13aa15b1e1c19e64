"""One result, many forms: a table, JSON lines, a hex dump."""
