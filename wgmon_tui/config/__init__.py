"""Configuration: servers, identities, secrets and settings. Reads TOML and wg-quick files, writes TOML."""
