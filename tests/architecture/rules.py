"""The rules of the house that no linter knows, each a function from one module to what breaks it there."""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Module:
    """One source file; ``path`` is relative to the checkout, with forward slashes."""

    path: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    def nodes(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree)


@dataclass(frozen=True)
class Violation:
    path: str
    line: int
    what: str


Rule = Callable[[Module], Iterator[Violation]]

# Modules that may do what a rule forbids, each with its reason.
_STATUS_OWNERS = {  # next_status is called here
    "shared/domain/dispute.py",
    "shared/domain/movement.py",
    "shared/domain/transaction.py",
}
_STATUS_READERS = {  # rows become entities
    "shared/persistence/disputes.py",
    "shared/persistence/movements.py",
    "shared/persistence/transactions.py",
}
_HTTP_STATUSES = {"shared/persistence/idempotency.py"}  # stores the status line of an answer
_RUN_BY_ALEMBIC = {"shared/persistence/migrations/env.py"}  # a script by Alembic's design, never imported
_ENVIRONMENT_WRITERS = {"shared/runtime/wsgi_server.py"}  # tells its worker processes where to share metrics
_CLOCKS = {"shared/runtime/clock.py"}
_PUBLISHES_UNDER_LOCK = {
    "services/outbox_relay/outbox_sweep.py"
}  # its rows stay locked so that no other relay takes them

MAX_LINES = 400
_EFFECTS = {
    "open",
    "connect",
    "Redis",
    "from_url",
    "create_engine",
    "Connection",
    "Client",
    "Thread",
    "getenv",
    "Popen",
}
_BANNED_WORDS = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "data", "info"}
_MONEY = re.compile(r"amount|money|minor|captured|refunded|price|total_paid", re.IGNORECASE)
_DOMAIN_MAY_IMPORT = {"iso4217", "shared"}


def status_comes_from_the_table(module: Module) -> Iterator[Violation]:
    """Nobody sets a status but the state table, through ``on``."""
    if module.path in _STATUS_OWNERS | _HTTP_STATUSES or "/simulator/" in module.path:  # a provider's own states
        return
    for node in module.nodes():
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(each, ast.Attribute) and each.attr == "status" for each in targets):
                yield Violation(module.path, node.lineno, "assigns .status")
        if isinstance(node, ast.Call) and _sets_status(node) and module.path not in _STATUS_READERS:
            yield Violation(module.path, node.lineno, "sets a status past the state table")


def _sets_status(call: ast.Call) -> bool:
    given = next((each.value for each in call.keywords if each.arg == "status"), None)
    if given is None or _name(call.func) not in {"replace", "Transaction", "Capture", "Refund", "Dispute", "values"}:
        return False
    return ast.unparse(given) not in {"INITIAL.status", "initial_of(report.status).status"}


def one_commit_at_the_edge(module: Module) -> Iterator[Violation]:
    """A unit of work commits once, as the last thing that it does."""
    for node in module.nodes():
        for body in _bodies(node):
            for index, statement in enumerate(body):
                last = index == len(body) - 1 or isinstance(body[index + 1], ast.Return)
                if _is_commit(statement) and (not last or isinstance(node, ast.For | ast.While)):
                    yield Violation(module.path, statement.lineno, "commits in the middle of its work")


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        if isinstance(body, list):
            yield body


def _is_commit(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and ast.unparse(statement) == "work.commit()"


def no_call_inside_a_transaction(module: Module) -> Iterator[Violation]:
    """Between the begin and the commit of a unit of work, nobody waits for the network."""
    for node in module.nodes():
        if isinstance(node, ast.With) and any("unit_of_work" in ast.unparse(item) for item in node.items):
            yield from _network_calls(module, node)


def _network_calls(module: Module, block: ast.With) -> Iterator[Violation]:
    for node in ast.walk(block):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner, called = ast.unparse(node.func.value), node.func.attr
        asks_provider = owner.endswith("_provider") and called != "handle_webhook"
        publishes = called in {"publish", "publish_all"} and module.path not in _PUBLISHES_UNDER_LOCK
        if asks_provider or publishes or (owner.endswith("_attempts") and called == "call"):
            yield Violation(module.path, node.lineno, f"{owner}.{called} inside a transaction")


def no_float_near_money(module: Module) -> Iterator[Violation]:
    """No float holds money, not even to print it."""
    for node in module.nodes():
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            name = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
            if "float" in _names(node.annotation) and _MONEY.search(name):
                yield Violation(module.path, node.lineno, f"{name} is a float")
        if isinstance(node, ast.Call) and _name(node.func) in {"float", "round"} and _MONEY.search(ast.unparse(node)):
            yield Violation(module.path, node.lineno, f"{ast.unparse(node)} loses money")
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and _is_of_money(module):
            yield Violation(module.path, node.lineno, f"{node.value} is a float")


def _is_of_money(module: Module) -> bool:
    return module.path.startswith(
        ("shared/domain/", "services/api/use_cases/", "shared/persistence/", "shared/contracts/")
    )


def no_effect_at_import(module: Module) -> Iterator[Violation]:
    """A module's top level only defines."""
    if module.path in _RUN_BY_ALEMBIC:
        return
    for statement in module.tree.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'":
            continue
        if not isinstance(
            statement, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.FunctionDef | ast.ClassDef
        ) and not isinstance(statement, ast.AsyncFunctionDef):
            yield Violation(module.path, statement.lineno, "does something when it is imported")
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            yield from _effects(module, statement)


def _effects(module: Module, statement: ast.stmt) -> Iterator[Violation]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and _name(node.func) in _EFFECTS:
            yield Violation(module.path, node.lineno, f"calls {_name(node.func)} when it is imported")


def only_settings_read_the_environment(module: Module) -> Iterator[Violation]:
    if module.path.endswith("/settings.py") or module.path in _ENVIRONMENT_WRITERS:
        return
    for node in module.nodes():
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv", "os.environb"}:
            yield Violation(module.path, node.lineno, "reads the environment")


def time_comes_from_a_clock(module: Module) -> Iterator[Violation]:
    if module.path in _CLOCKS:
        return
    for node in module.nodes():
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "datetime.now", "datetime.utcnow", "datetime.today", "time.time", "time.time_ns", "date.today",
        }:  # fmt: skip
            yield Violation(module.path, node.lineno, f"calls {ast.unparse(node.func)}")


def files_stay_short(module: Module) -> Iterator[Violation]:
    lines = module.source.count("\n")
    if lines > MAX_LINES:
        yield Violation(module.path, lines, f"has {lines} lines, {MAX_LINES} are enough")


def modules_say_what_lives_there(module: Module) -> Iterator[Violation]:
    if module.source.strip() and not ast.get_docstring(module.tree):
        yield Violation(module.path, 1, "does not open with a sentence")


def names_say_something(module: Module) -> Iterator[Violation]:
    words = re.split(r"[/_.]", module.path.removesuffix(".py"))
    for banned in sorted(_BANNED_WORDS.intersection(words)):
        yield Violation(module.path, 1, f"is named {banned}")
    for node in module.nodes():
        if isinstance(node, ast.ClassDef) and node.name.lower().endswith(("manager", "helper", "helpers", "utils")):
            yield Violation(module.path, node.lineno, f"class {node.name}")


def domain_is_pure(module: Module) -> Iterator[Violation]:
    """The domain imports the standard library, itself, and iso4217 (a table of data)."""
    if not module.path.startswith("shared/domain/"):
        return
    for node in module.nodes():
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names | _DOMAIN_MAY_IMPORT:
                yield Violation(module.path, node.lineno, f"imports {top}")  # type: ignore[attr-defined] # both import nodes have it


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _names(annotation: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}


RULES: tuple[Rule, ...] = (
    status_comes_from_the_table,
    one_commit_at_the_edge,
    no_call_inside_a_transaction,
    no_float_near_money,
    no_effect_at_import,
    only_settings_read_the_environment,
    time_comes_from_a_clock,
    files_stay_short,
    modules_say_what_lives_there,
    names_say_something,
    domain_is_pure,
)


def rules_by_name() -> dict[str, Rule]:
    return {rule.__name__: rule for rule in RULES}
