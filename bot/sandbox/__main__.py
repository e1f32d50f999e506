"""``python -m bot.sandbox [PORT]``: a sandbox GitHub with one repository, until it is stopped."""

import asyncio
import sys

from bot.sandbox.server import Sandbox


async def main(port: int) -> None:
    async with Sandbox(port=port) as github:
        shop = github.create_repository("octo/shop", description="A small shop")
        for login, role in (("mona", "write"), ("octavia", "admin"), ("fan", "read")):
            github.set_role(shop, github.user(login), role)
        print(f"sandbox GitHub on {github.url}, App {github.app.id}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8180))
    except KeyboardInterrupt:
        sys.exit(0)
