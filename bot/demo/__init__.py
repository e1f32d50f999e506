"""The whole product on one machine, with no account: a sandbox GitHub, the bot, and a story."""
