"""Where a value stands in a JSON, TOML or YAML text, so that it alone can be replaced."""
