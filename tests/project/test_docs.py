"""The documentation is whole: its links lead somewhere, and its reference has what the code has."""

import ast
import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import bot
from bot.cli.main import main
from bot.core.audit.entry import KINDS
from bot.core.catalog import GATES
from bot.core.migrations.runs import PartKind, RunKind
from bot.core.operations.machine import Kind
from bot.core.policy import Policy, parse_policy
from bot.engine.app_manifest import load_manifest
from bot.engine.routes import _ROUTES
from bot.metrics import REGISTRY
from bot.sandbox import Sandbox
from bot.sandbox.control import routes as control_routes
from bot.sandbox.faults import EventFaults, Faults
from bot.sandbox.rest import ROUTES
from bot.settings import VARIABLES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *DOCS.rglob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    ]
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(rf"{FENCE.pattern}|`[^`\n]+`", FENCE.flags)


def page_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def reference(name: str) -> str:
    return (DOCS / "reference" / f"{name}.md").read_text()


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next of its level or above."""
    found = re.search(
        rf"^(#+) {re.escape(heading)}\n(.*?)(?=^\1 |^#{{1,2}} |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"no heading “{heading}”"
    return found[2]


def in_first_column(text: str) -> set[str]:
    """The names in backticks that begin a table's rows."""
    return set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))


# --- pages and links -----------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(CODE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{target} is not there"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked.read_text()), f"{target} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"`((?:bot|tests|docs|bench|scripts)/[\w./-]+)`", page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_pages_that_the_product_names_exist() -> None:
    named = {
        name
        for path in (ROOT / "bot").rglob("*.py")
        for name in re.findall(r"(?<![\w./])docs/[\w./-]+\.\w+", path.read_text())
    }
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_page_is_found_from_the_index() -> None:
    seen: set[Path] = set()
    to_read = [DOCS / "README.md"]
    while to_read:
        page = to_read.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in LINK.findall(page.read_text()):
            linked = (page.parent / target.partition("#")[0]).resolve()
            if linked.suffix == ".md" and linked.exists():
                to_read.append(linked)
    assert set(DOCS.rglob("*.md")) <= seen


# --- command line --------------------------------------------------------------------------------


def commands(
    group: click.Group = main, path: str = "lockgate"
) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(commands())


def option_names(command: click.Command) -> set[str]:
    """``--range``, and ``-z`` for an option that has no long name."""
    found: set[str] = set()
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            names = [*option.opts, *option.secondary_opts]
            long = [name for name in names if name.startswith("--")]
            found.update(long or names)
    return found


def test_the_reference_has_every_command_and_no_other() -> None:
    headings = re.findall(r"^## `(lockgate [a-z -]+)`$", reference("cli"), re.MULTILINE)
    assert sorted(headings) == sorted(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS)
def test_the_reference_has_every_option_of_a_command_and_no_other(path: str) -> None:
    text = section(reference("cli"), f"`{path}`")
    documented = set(re.findall(r"^\| `(-{1,2}[a-z-]+)", text, re.MULTILINE))
    assert documented == option_names(COMMANDS[path])


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_has_a_help_text(path: str) -> None:
    command = COMMANDS[path]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.opts


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_shows_examples_and_the_exit_codes_of_the_reference(path: str) -> None:
    command = COMMANDS[path]
    text = f"{command.help}\n{command.epilog or ''}"
    assert "Examples:" in text
    codes = re.findall(r"^ +(\d)  ", text.split("Exit codes:")[1], re.MULTILINE)
    assert codes[0] == "0"
    told = re.search(
        r"^.*\bExit code: (.*?)\n\n", section(reference("cli"), f"`{path}`") + "\n\n", re.DOTALL
    )
    if told is not None:  # some share one paragraph, which stands before them
        assert re.findall(r"(?:^|[,;] )(\d)\b", " ".join(told[1].split())) == codes


def lines_to_type() -> Iterator[tuple[str, str]]:
    """What follows ``lockgate`` in the pages' shell examples, each with its page."""
    for page in PAGES:
        for block in re.findall(
            r"^ *```(?:sh|console)\n(.*?)^ *```$", page.read_text(), re.MULTILINE | re.DOTALL
        ):
            joined = block.replace("\\\n", " ")
            for found in re.findall(
                r"(?:^|[ \t/\"])lockgate (?!lockgate)([a-z]+\b[^|\n&<>\"]*)", joined, re.MULTILINE
            ):
                yield page_id(page), re.sub(r" #.*", "", found).strip()


@pytest.mark.parametrize(("page", "line"), sorted(set(lines_to_type())))
def test_every_line_to_type_is_taken_by_the_command(page: str, line: str) -> None:
    words = shlex.split(line)
    command: click.Command = main
    context = click.Context(main, info_name="lockgate")
    while isinstance(command, click.Group) and words:
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"there is no `{name}`"
        command = found
    parser = command.make_parser(click.Context(command, parent=context))
    parser.parse_args(words)  # raises for an option that is not there


# --- policy --------------------------------------------------------------------------------------


def policies() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in re.findall(
            r"^```ya?ml\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL
        ):
            if re.search(r"^(commits|environments|release):$", block, re.MULTILINE):
                yield page_id(page), block


@pytest.mark.parametrize(("page", "text"), sorted(policies()))
def test_every_policy_that_is_shown_is_valid(page: str, text: str) -> None:
    assert isinstance(parse_policy(text), Policy)


# --- environment ---------------------------------------------------------------------------------


def test_the_reference_has_every_environment_name_and_its_default() -> None:
    rows = re.findall(
        r"^\| `([A-Z_]+(?:<NAME>[A-Z_]*)?)` \| (?:`([^`]+)`)? ?\|",
        reference("environment"),
        re.MULTILINE,
    )
    assert dict(rows) == {variable.name: variable.default for variable in VARIABLES}


def test_the_product_names_no_variable_that_it_does_not_read() -> None:
    named = {
        name
        for path in (ROOT / "bot").rglob("*.py")
        for name in re.findall(r"\bLOCKGATE_(?!DB_|SOURCE_)[A-Z_]+\b", path.read_text())
    }
    assert named <= {variable.name for variable in VARIABLES}


# --- metrics -------------------------------------------------------------------------------------


def test_the_reference_has_every_metric_and_no_other() -> None:
    for module in pkgutil.walk_packages(bot.__path__, "bot."):
        if "metrics" in module.name:
            importlib.import_module(module.name)
    ours = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in REGISTRY.collect()
        if family.name.startswith("lockgate_")
    }
    assert in_first_column(reference("metrics").split("## Worth an alert")[0]) == ours


# --- HTTP ----------------------------------------------------------------------------------------


def routes_in_web() -> set[str]:
    """The paths given to ``Route`` and ``Mount`` in bot/web, with FILE for what is mounted; and of
    the doors for webhooks, which stand before the router, their modules' ``PATH``."""
    found = set()
    for path in (ROOT / "bot/web").rglob("*.py"):
        if path.name == "setup.py":  # a page of its own, on the machine that runs `lockgate setup`
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("Route", "Mount")
            ):
                argument = node.args[0]
                if isinstance(argument, ast.Name):
                    route = getattr(module, argument.id)
                else:
                    route = ast.literal_eval(argument)
                found.add(f"{route}/FILE" if node.func.id == "Mount" else route)
            if isinstance(node, ast.ClassDef) and node.name.endswith("Door"):
                found.add(module.PATH)
    return found


def test_the_reference_has_every_path_and_no_other() -> None:
    documented = {entry.split(" ", 1)[1] for entry in in_first_column(reference("http"))}
    assert documented == routes_in_web()


# --- gates ---------------------------------------------------------------------------------------


def checks_in_code() -> Iterator[str]:
    """Of the constants called ``…_CHECK``."""
    for path in (ROOT / "bot").rglob("*.py"):
        named = r'^(\w+_CHECK)\b[^=\n]* = f?"lockgate/'
        for name in re.findall(named, path.read_text(), re.MULTILINE):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield getattr(importlib.import_module(module), name)


def test_the_reference_has_every_check_and_no_other() -> None:
    headings = re.findall(r"^## `([\w/-]+)`$", reference("checks"), re.MULTILINE)
    assert sorted(headings) == sorted(checks_in_code())


def test_the_reference_has_every_gate_with_what_it_asks() -> None:
    text = reference("gates")
    headings = re.findall(r"^## `(\w+)`$", text, re.MULTILINE)
    assert headings == list(GATES)
    for name, gate in GATES.items():
        assert section(text, f"`{name}`").split("\n\n")[0].strip() == gate.requirement
        fixed = "It cannot be set aside" in section(text, f"`{name}`")
        assert fixed is not gate.overridable


# --- audit log -----------------------------------------------------------------------------------


def kinds_of_entries() -> Iterator[str]:
    """What is given as ``kind`` to each ``AuditEntry`` in bot/."""
    computed = {
        "run.kind.value": [kind.value for kind in RunKind],
        "part.kind.value": [kind.value for kind in PartKind],
        "operation.plan.kind.noun": [kind.noun for kind in Kind],
    }
    for path in (ROOT / "bot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "AuditEntry":
                for given in (word.value for word in node.keywords if word.arg == "kind"):
                    if isinstance(given, ast.Constant):
                        yield str(given.value)
                    else:
                        yield from computed[ast.unparse(given)]


def test_the_reference_has_every_kind_of_entry_and_no_other() -> None:
    assert sorted(set(kinds_of_entries())) == list(KINDS)
    rows = re.findall(r"^\| (`[^|]+`) \|", section(reference("audit"), "Kinds"), re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == list(KINDS)


# --- events --------------------------------------------------------------------------------------


def test_the_reference_has_every_event_that_leads_to_something() -> None:
    text = section(reference("checks"), "When they are written")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", text, re.MULTILINE)
    # These have no action: the page says in its place which of them count.
    documented = {
        (event, "" if event in ("push", "status") else action.strip())
        for event, actions in rows
        for action in actions.split(",")
    }
    assert documented == set(_ROUTES)


# --- GitHub App and sandbox ----------------------------------------------------------------------


def test_the_reference_has_the_permissions_and_events_of_the_app() -> None:
    manifest = load_manifest()
    text = reference("github-app")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", section(text, "Permissions"), re.MULTILINE)
    assert dict(rows) == dict(manifest.permissions)
    assert in_first_column(section(text, "Events")) == set(manifest.events)


def test_the_reference_has_every_route_of_the_sandbox_and_no_other() -> None:
    listed = re.findall(r"^- `([^`]+)`$", reference("sandbox"), re.MULTILINE)
    assert sorted(listed) == sorted(f"{route.method} {route.template}" for route in ROUTES)


async def test_the_reference_has_every_control_of_the_sandbox_and_no_other() -> None:
    async with Sandbox() as github:
        with_types = {route.path for route in control_routes(github)}
    paths = {re.sub(r":int\}", "}", path) for path in with_types}
    assert in_first_column(section(reference("sandbox"), "For programs")) == paths


@pytest.mark.parametrize(("faults", "before"), [(Faults, "hooks.faults"), (EventFaults, "")])
def test_the_reference_has_every_way_to_make_the_sandbox_fail(faults: type, before: str) -> None:
    text = section(reference("sandbox"), "Make it fail")
    api, _, events = text.partition("`github.hooks.faults`")
    listed = set(re.findall(r"^\| `(\w+)\(", api if before else events, re.MULTILINE))
    internal = {"add", "take", "plan"}
    methods = {name for name in vars(faults) if not name.startswith("_")} - internal
    assert listed == methods - (set() if before else {"clear"})
