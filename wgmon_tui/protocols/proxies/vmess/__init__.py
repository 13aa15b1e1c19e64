"""The protocol VMess."""
