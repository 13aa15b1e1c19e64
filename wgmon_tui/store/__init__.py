"""What outlives a process. So far: the last timestamp that every identity has used."""
