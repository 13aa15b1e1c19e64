"""The view of one incident: what it was, the packets and evidence of that time, and who was notified."""
