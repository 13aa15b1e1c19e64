# The same as wgmon-tui.
. "${BASH_SOURCE[0]%/*}/wgmon-tui"
