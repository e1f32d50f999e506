"""What people may type in a pull request's comments, and what it means."""
