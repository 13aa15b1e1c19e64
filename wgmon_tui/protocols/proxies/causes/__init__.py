"""Causes of what is wrong with a proxy. A cause that evidence disproves is not listed. Pure functions."""
