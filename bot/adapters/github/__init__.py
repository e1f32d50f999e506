"""GitHub, spoken to by REST and GraphQL. ``hub.GitHubHub`` is the way in."""
