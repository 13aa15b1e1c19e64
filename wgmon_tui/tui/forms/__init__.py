"""The forms in which servers and identities are written: fields, their texts, and the screen around them."""
