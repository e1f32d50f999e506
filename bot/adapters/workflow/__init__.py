"""Production that a GitHub Actions workflow of the team's own serves. ``host.WorkflowHost`` is the
way in."""
