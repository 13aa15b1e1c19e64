"""Lists of servers that a provider keeps: fetched, compared with servers.toml, and applied by rule."""
