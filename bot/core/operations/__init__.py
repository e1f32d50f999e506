"""Promotion and rollback as step machines."""
