"""Lockgate: safe releases across GitHub, Vercel and PostgreSQL."""
