"""Texts that try to do something where they are quoted."""

from hypothesis import strategies as st

MARKS = [*"`*_~[]()<>!#|\\&$^:;=+-.\"' @/", "\n", "\t", "\r\n", "\u2028", "\x00", "\x1b[31m"]
HIDDEN = ["\u202e", "\u200b", "\u200d", "\u00ad", "\ufeff", "\u2066", "\u3164", "\u00a0", "\ud800"]
TRICKS = [
    "@octo",
    "@acme/owners",
    "#12",
    "GH-12",
    "acme/shop#1",
    "https://evil.test/x",
    "www.evil.test",
    "me@evil.test",
    "![x](https://evil.test/a.png)",
    "[x](https://evil.test)",
    "<img src=x onerror=y>",
    "<!-- lockgate:summary -->",
    "-->",
    "</details>",
    "<br>",
    "&lt;",
    "&#64;octo",
    "| x | y |",
    "|---|",
    "\\|",
    "``",
    "```\n",
    "~~~",
    "---",
    "===",
    "# head",
    "1. one",
    "1) one",
    "> quote",
    "- [ ] task",
    "[^1]: note",
    "[a]: https://evil.test",
    "**bold**",
    ":tada:",
    "$x$",
    "3f2c1aa9d2c1b7e8f0a1b2c3d4e5f60718293a4b",
]
WORDS = ["feat: add search", "fix", "é", "日本", "👨‍👩‍👧", "🇫🇷", "a", " ", "x"]

texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from([*MARKS, *HIDDEN, *TRICKS, *WORDS]), max_size=12).map("".join),
)
