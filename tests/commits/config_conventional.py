"""commitlint's config-conventional, which the defaults are those of."""

ERRORS = {
    "body-max-line-length",
    "footer-max-line-length",
    "header-max-length",
    "header-trim",
    "subject-case",
    "subject-empty",
    "subject-full-stop",
    "type-case",
    "type-empty",
    "type-enum",
}
"""Its rules of level 2; 1 is a warning."""
