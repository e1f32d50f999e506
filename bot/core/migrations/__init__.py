"""Database changes in three steps: expand, migrate, contract. Pure."""
