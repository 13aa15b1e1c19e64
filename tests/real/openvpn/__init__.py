"""OpenVPN's own server and client, from Debian's package."""
