"""An embedded OpenVPN server. It needs the package cryptography."""
