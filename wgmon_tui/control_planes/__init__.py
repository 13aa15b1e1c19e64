"""Control planes of meshes: what they report of their nodes, and whether they work themselves."""
