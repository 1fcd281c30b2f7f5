"""Every module of ours keeps the rules that no linter knows, and each rule catches what it is for."""

from pathlib import Path

import pytest

from tests.architecture.rules import RULES, Module, Rule, rules_by_name

ROOT = Path(__file__).parents[2]
SOURCES = [
    Module(path.relative_to(ROOT).as_posix(), path.read_text())
    for folder in ("services", "shared", "deploy")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations/versions" not in path.as_posix() and "tests" not in path.parts
]

# One planted violation of each rule, at a path where the rule holds.
PLANTED = {
    "status_comes_from_the_table": ("services/x.py", "payment = replace(payment, status=S.COMPLETED)\n"),
    "one_commit_at_the_edge": ("services/x.py", "with u() as work:\n    work.commit()\n    work.refunds.add(r)\n"),
    "no_call_inside_a_transaction": (
        "services/x.py",
        "with self._unit_of_work() as work:\n    self._provider.verify_payment(query)\n",
    ),
    "no_float_near_money": ("services/x.py", "def pay(amount: float) -> None:\n    pass\n"),
    "no_effect_at_import": ("services/x.py", "REDIS = redis.Redis('localhost')\n"),
    "only_settings_read_the_environment": ("services/x.py", "import os\nurl = os.environ['DATABASE_URL']\n"),
    "time_comes_from_a_clock": ("services/x.py", "def f():\n    return datetime.now(UTC)\n"),
    "files_stay_short": ("services/x.py", "x = 1\n" * 401),
    "modules_say_what_lives_there": ("services/x.py", "x = 1\n"),
    "names_say_something": ("shared/runtime/helpers.py", '"""Bits and pieces."""\n'),
    "domain_is_pure": ("shared/domain/x.py", "import pydantic\n"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule: Rule) -> None:
    broken = [f"{each.path}:{each.line} {each.what}" for module in SOURCES for each in rule(module)]

    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_violation_is_caught(name: str) -> None:
    path, source = PLANTED[name]

    assert list(rules_by_name()[name](Module(path, source)))


def test_each_rule_has_a_planted_violation() -> None:
    assert set(PLANTED) == set(rules_by_name())
