"""A small control plane of the lab, whose nodes are lab servers."""
