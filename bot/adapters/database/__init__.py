"""The users' own databases: migrations are applied and backfills run there.

The bot's own store is ``bot.adapters.postgres``.
"""
