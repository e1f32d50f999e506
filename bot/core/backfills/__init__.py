"""How a backfill moves data: batches, their size, when to pause, and what a failure means. Pure."""
