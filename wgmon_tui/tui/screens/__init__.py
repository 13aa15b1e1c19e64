"""One module a screen. Only the fleet is imported at the start; the others when they are first opened."""
