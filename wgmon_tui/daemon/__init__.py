"""Who writes and who looks: the lock, the control socket, the writer and its viewers, `wgmon-tui run`."""
