"""An earlier version's package, of which one module is still started by name: agent/keeper.py."""
