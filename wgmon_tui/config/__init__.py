"""What is watched: servers, identities, secrets. TOML and wg-quick files in, TOML out."""
