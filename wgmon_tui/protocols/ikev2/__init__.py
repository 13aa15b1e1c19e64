"""IKEv2 (RFC 7296): SA_INIT, authentication, and an echo through a CHILD_SA."""
