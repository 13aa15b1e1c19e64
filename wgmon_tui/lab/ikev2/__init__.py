"""An embedded IKEv2 server, for the demo and the tests."""
