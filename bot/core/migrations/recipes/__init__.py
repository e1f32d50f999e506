"""One file a recipe: a change of a schema, as expand, backfill and contract."""
