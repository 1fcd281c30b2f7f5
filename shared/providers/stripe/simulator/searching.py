"""Stripe's search language: ``status:'succeeded' AND metadata['gateway_payment_id']:'p1' AND -amount>100``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from shared.providers.stripe.simulator.exchange import Json, Refused, invalid

CLAUSE = re.compile(
    r"""\s*(?P<no>-)?(?P<field>[a-z_]+)(\[(?P<quote>["'])(?P<label>.+?)(?P=quote)\])?\s*(?P<sign>:|~|>=|<=|>|<)\s*
    (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?\d+|null)\s*""",
    re.VERBOSE,
)
JOINT = re.compile(r"(AND|OR)\s", re.IGNORECASE)
FIELDS = frozenset({"amount", "created", "currency", "customer", "metadata", "status"})
NUMBERS = frozenset({"amount", "created"})
MOST_CLAUSES = 10

COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    ":": lambda left, right: left == right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """``label`` is the key of ``metadata['key']``; ``value`` is ``None`` for ``null``."""

    is_negated: bool
    field: str
    label: str | None
    sign: str
    value: str | None

    def holds(self, shown: Json) -> bool:
        return self._matches(shown) != self.is_negated

    def _matches(self, shown: Json) -> bool:
        found = self._found(shown)
        if self.value is None:
            return found is None
        if found is None:
            return False
        if self.field in NUMBERS:
            return COMPARISONS[self.sign](int(str(found)), int(self.value))
        left, right = str(found).lower(), self.value.lower()
        return right in left if self.sign == "~" else left == right

    def _found(self, shown: Json) -> JsonValue:
        value = shown.get(self.field)
        if self.label is not None:
            return value.get(self.label) if isinstance(value, dict) else None
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """All of the clauses, or, with ``is_any``, one of them."""

    clauses: tuple[Clause, ...]
    is_any: bool

    def holds(self, shown: Json) -> bool:
        results = (clause.holds(shown) for clause in self.clauses)
        return any(results) if self.is_any else all(results)

    def label(self) -> tuple[str, str] | None:
        """A name and a value of metadata that everything found must have: what the books have an index for."""
        for clause in self.clauses:
            if not self.is_any and clause.label and clause.sign == ":" and clause.value and not clause.is_negated:
                return clause.label, clause.value
        return None


def read_search(query: str) -> Search:
    """Raises: Refused: 400, it cannot be read."""
    clauses: list[Clause] = []
    joints: set[str] = set()
    position = 0
    while position < len(query):
        clause = CLAUSE.match(query, position)
        if clause is None:
            raise unreadable(query)
        clauses.append(read_clause(clause))
        joint = JOINT.match(query, clause.end())
        position = joint.end() if joint else clause.end()
        if joint:
            joints.add(joint[1].upper())
    if not clauses or len(joints) > 1 or len(clauses) > MOST_CLAUSES:
        raise unreadable(query)
    return Search(clauses=tuple(clauses), is_any=joints == {"OR"})


def read_clause(match: re.Match[str]) -> Clause:
    name, label, text = match["field"], match["label"], match["value"]
    if name not in FIELDS or (name == "metadata") != (label is not None):
        raise invalid(f"Field `{name}` is an unsupported search field for resource `payment_intents`.", param="query")
    quoted = text[0] in "\"'"
    value = None if text == "null" else re.sub(r"\\(.)", r"\1", text[1:-1]) if quoted else text
    if name in NUMBERS and (value is None or not re.fullmatch(r"-?\d+", value) or match["sign"] == "~"):
        raise invalid(f"Field `{name}` must be compared with a number.", param="query")
    if name not in NUMBERS and match["sign"] not in {":", "~"}:
        raise invalid(f"Field `{name}` does not support the operator {match['sign']}.", param="query")
    return Clause(is_negated=bool(match["no"]), field=name, label=label, sign=match["sign"], value=value)


def unreadable(query: str) -> Refused:
    return invalid(f"We were unable to parse your search query: {query[:200]}", param="query")
