"""Vercel, spoken to by REST. ``host.VercelHost`` is the way in."""
