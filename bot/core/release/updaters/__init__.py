"""One file for each kind of manifest: a text in, the same text with the release's version out."""
