"""Releases: from the trunk's history to a version, a changelog and the files that name them."""
