"""The background side of wgmon-tui: writer, writer lock, viewers, control socket and `wgmon-tui run`."""
