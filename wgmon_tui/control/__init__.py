"""Control socket: the messages, the writer's server, and the client side of viewers and one-shot commands."""
