"""Commands of the operator (`[[action]]` in config.toml): run in the terminal, or beside a page of output."""
