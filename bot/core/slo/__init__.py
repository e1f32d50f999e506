"""Service level objectives, error budgets, and what is decided on them. Pure."""
