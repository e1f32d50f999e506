"""People, organisations and bots; and what all kinds share: the clock and the ids."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from bot.sandbox.model import Account, AccountKind
from bot.sandbox.objects import Signature


class Accounts:
    def __init__(self) -> None:
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.accounts: dict[int, Account] = {}
        self._by_login: dict[str, Account] = {}
        self._by_email: dict[str, Account] = {}
        self._ids: dict[str, Iterator[int]] = {}

    def now(self) -> datetime:
        return self.clock().replace(microsecond=0)

    def next_id(self, kind: str) -> int:
        """Ids are unique over all kinds, and of the size of GitHub's."""
        start = {
            "user": 9_100_001,
            "app": 410_001,
            "installation": 52_000_001,
            "repository": 710_000_001,
            "pull": 1_900_000_001,
            "comment": 2_100_000_001,
            "check_suite": 31_000_000_001,
            "check_run": 28_000_000_001,
            "delivery": 190_000_000_001,
        }.get(kind, 4_000_001)
        return next(self._ids.setdefault(kind, itertools.count(start, 2)))

    def user(self, login: str, *, name: str = "", email: str = "") -> Account:
        """The account of that login, made on first use."""
        return self._account(login, "User", name, email)

    def organization(self, login: str) -> Account:
        return self._account(login, "Organization", "", "")

    def bot_user(self, login: str) -> Account:
        """A bot that is no App of this sandbox, as ``dependabot[bot]``."""
        return self._account(login, "Bot", "", "")

    def _account(self, login: str, kind: AccountKind, name: str, email: str) -> Account:
        known = self._by_login.get(login.lower())
        if known is None:
            known = Account(self.next_id("user"), login, kind, self.now(), name or login)
            known.email = email or known.noreply
            self.accounts[known.id] = known
            self._by_login[login.lower()] = known
            self._by_email[known.email.lower()] = known
            self._by_email[known.noreply.lower()] = known
        return known

    def find_account(self, login: str) -> Account | None:
        return self._by_login.get(login.lower())

    def account_of_email(self, email: str) -> Account | None:
        return self._by_email.get(email.lower())

    def signature(self, account: Account | None) -> Signature:
        seconds = int(self.now().timestamp())
        if account is None:
            return Signature("ghost", "ghost@example.invalid", seconds)
        return Signature(account.name or account.login, account.email, seconds)

    def _owner_of(self, account: Account) -> Account:
        return account if account.kind == "User" else self.user(f"{account.login}-owner")

    def _forget_account(self, account: Account) -> None:
        self.accounts.pop(account.id, None)
        self._by_login.pop(account.login.lower(), None)
        for email in (account.email, account.noreply):
            self._by_email.pop(email.lower(), None)
