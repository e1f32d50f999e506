"""What a production domain answers: the live build, as a page and as a mark for programs."""

from html import escape
from typing import TYPE_CHECKING, Final

from bot.sandbox.http import Reply

if TYPE_CHECKING:
    from bot.sandbox.vercel.world import World

MARK: Final = "/.well-known/lockgate.json"
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/24px system-ui, sans-serif; margin: 48px auto; max-width: 640px; }}
main {{ padding: 0 24px; }}
code {{ font-family: ui-monospace, monospace; }}
</style>
</head>
<body>
<main>
<h1>{name}</h1>
<p>This is <code>{domain}</code>, served by <code>{deployment}</code>.</p>
<p>It was built from commit <code>{sha}</code> on <code>{branch}</code>: {message}</p>
</main>
</body>
</html>
"""


def answer(world: "World", domain: str, path: str) -> Reply:
    project = world.project_of_domain(domain)
    live = project.domains[domain] if project else None
    if project is None or live is None:
        return Reply(
            {"error": {"code": "DEPLOYMENT_NOT_FOUND", "message": "There is no deployment here"}},
            404,
            {"x-vercel-error": "DEPLOYMENT_NOT_FOUND"},
        )
    headers = {"server": "Vercel", "cache-control": "no-store"}
    if path == MARK:
        return Reply({"sha": live.sha, "deployment": live.id}, 200, headers)
    if live.broken:
        return Reply({"error": {"code": "FUNCTION_INVOCATION_FAILED"}}, 500, headers)
    page = _PAGE.format(
        name=escape(project.name),
        domain=escape(domain),
        deployment=live.id,
        sha=live.sha,
        branch=escape(live.branch),
        message=escape(live.message),
    )
    return Reply(None, 200, headers, raw=page.encode(), media_type="text/html; charset=utf-8")
