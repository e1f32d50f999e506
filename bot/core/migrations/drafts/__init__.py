"""What the recipes are written with: facts about tables, pieces of SQL, files."""
