"""The shape of a database: what it is made of, one digest of it, and what differs. Pure."""
