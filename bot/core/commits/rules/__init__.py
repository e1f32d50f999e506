"""The rules a message is held to: one file per rule or tight family, listed in the catalogue."""
