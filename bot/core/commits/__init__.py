"""Conventional Commits: parse a message, lint it, and say which messages will land."""
