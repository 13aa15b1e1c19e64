"""The tabs of the server screen."""
