# The same as wgmon-tui.
source (status dirname)/wgmon-tui.fish
