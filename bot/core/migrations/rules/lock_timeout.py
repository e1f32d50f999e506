"""A statement that waits for a lock keeps everybody behind it waiting too."""

from collections.abc import Iterator

from bot.core.migrations.findings import Severity
from bot.core.migrations.rewrites import TIMEOUT, ended, files
from bot.core.migrations.rules.rule import STRONG, Fault, Reading, Rule, Seen
from bot.core.migrations.sql import inner, names_of


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.seen:
        if _sets_timeout(one):
            return
        strong = [hold for hold in one.holds if hold.lock >= STRONG]
        if strong:
            message = (
                f"it waits for {strong[0].lock} on {strong[0].relation} without an end, and all "
                "who come after wait behind it; set lock_timeout first, and try again when it fails"
            )
            yield Fault(message, one, files([TIMEOUT, ended(one.change.statement.text)]))
            return


def _sets_timeout(one: Seen) -> bool:
    node = one.change.node
    if one.change.kind == "variable_set_stmt":
        constants = [inner(item)[1] for item in node.args]
        off = [_is_zero(constant) for constant in constants]
        return bool(node.name == "lock_timeout" and off == [False])
    if one.change.kind != "select_stmt":
        return False
    for target in node.target_list:
        kind, call = inner(target.res_target.val)
        if kind == "func_call" and names_of(call.funcname)[-1:] == ("set_config",) and call.args:
            kind, name = inner(call.args[0])
            return bool(kind == "a_const" and name.sval.sval == "lock_timeout")
    return False


def _is_zero(constant: object) -> bool:
    text = getattr(getattr(constant, "sval", None), "sval", "")
    number = getattr(getattr(constant, "ival", None), "ival", 0)
    return not number and text.strip("'ms ") in ("", "0")


LOCK_TIMEOUT = Rule(
    name="lock-timeout",
    requirement="A file that keeps writers waiting sets `lock_timeout` first.",
    check=_check,
    bad="ALTER TABLE recipes ADD COLUMN note text;",
    good="SET lock_timeout = '4s';\nALTER TABLE recipes ADD COLUMN note text;",
    severity=Severity.WARNING,
)
