"""What people read in a browser: the dashboard, a repository, a pull request's details."""
