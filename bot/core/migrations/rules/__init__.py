"""What is held against migrations, one file a rule; the catalogue lists them."""
