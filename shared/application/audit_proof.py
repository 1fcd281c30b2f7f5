"""Proves a payment's audit rows to anybody: a file that is checked with SHA-256 alone, without database or key.

The file has one JSON object a line. First ``{"format", "transaction_id"}``; then for each row ``{"leaf", "path",
"position", "seal_number"}``: the text whose hash is the leaf, and the hashes beside its way up to the root; then
``{"seal"}``: the text of each seal from the first that is needed to the head, of which each names the one before.
"""

import json
from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from shared.domain.ids import TransactionId
from shared.persistence.audit_seals import seal_hash_of
from shared.persistence.audit_walk import AuditWalk, SealedRow
from shared.runtime.merkle import leaf_hash, merkle_path, root_by_path

FORMAT = "gateway.audit.proof.v1"


class NothingToProve(Exception):
    """The payment is not known, or none of its rows has a seal yet."""


class ProofBroken(Exception):
    """It does not prove what it says; the text tells why."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Header(_Line):
    format: str
    transaction_id: str


class _Row(_Line):
    leaf: str
    path: list[str]
    position: int
    seal_number: int


class _Seal(_Line):
    seal: str


class _SealContent(BaseModel):
    """What of a seal the check follows."""

    model_config = ConfigDict(strict=True)

    number: int
    row_count: int
    merkle_root: str
    previous_hash: str


class ProofCheck:
    """Follows a proof line by line, in bounded memory: it keeps the rows until their seal comes by."""

    def __init__(self, known_seal_hash: str | None = None) -> None:
        self._known = known_seal_hash
        self._rows: dict[int, list[_Row]] = {}
        self._known_number: int | None = None
        self.transaction_id = ""
        self.rows = self.seals = self.last_number = 0
        self.last_hash = ""

    def check(self, lines: Iterable[str]) -> None:
        """Raises ``ProofBroken``."""
        for count, line in enumerate(lines, start=1):
            try:
                self._follow(_LINES.validate_json(line))
            except ValidationError:
                raise ProofBroken(f"line {count} is not a line of a proof") from None
        self._finish()

    def _follow(self, line: _Header | _Row | _Seal) -> None:
        match line:
            case _Header():
                self._begin(line)
            case _Row():
                self._add_row(line)
            case _Seal():
                self._add_seal(_SealContent.model_validate_json(line.seal), seal_hash_of(line.seal).hex())

    def _begin(self, header: _Header) -> None:
        if header.format != FORMAT or self.transaction_id:
            raise ProofBroken(f"not a proof of the form {FORMAT}")
        self.transaction_id = header.transaction_id

    def _add_row(self, row: _Row) -> None:
        if _transaction_of(row.leaf) != self.transaction_id:
            raise ProofBroken(f"row {self.rows + 1} is not of payment {self.transaction_id}")
        self.rows += 1
        self._rows.setdefault(row.seal_number, []).append(row)

    def _add_seal(self, seal: _SealContent, seal_hash: str) -> None:
        if self.seals and (seal.number, seal.previous_hash) != (self.last_number + 1, self.last_hash):
            raise ProofBroken(f"seal {seal.number} does not continue the seal before it")
        for row in self._rows.pop(seal.number, []):
            if _root(row, seal.row_count) != seal.merkle_root:
                raise ProofBroken(f"position {row.position} of seal {seal.number} is not this row's")
            # Only a seal from here on covers all the rows.
            self._known_number = None
        if seal_hash == self._known:
            self._known_number = seal.number
        self.seals, self.last_number, self.last_hash = self.seals + 1, seal.number, seal_hash

    def _finish(self) -> None:
        if not self.rows or self._rows:
            raise ProofBroken("there is no seal over " + ("some of the rows" if self.rows else "anything"))
        if self._known is not None and self._known_number is None:
            raise ProofBroken(f"no seal that covers all the rows has the hash {self._known}")


def export_proof(walk: AuditWalk, transaction_id: TransactionId) -> Iterator[str]:
    """The lines of the file. Raises ``NothingToProve``."""
    rows = walk.rows_of_transaction(transaction_id)
    if not rows:
        raise NothingToProve(f"no row of payment {transaction_id} has been sealed")
    yield _line(_Header(format=FORMAT, transaction_id=str(transaction_id)))
    for each in rows:
        yield _line(_exported(walk, each))
    for seal in walk.seals(start=rows[0].leaf.seal_number):
        yield _line(_Seal(seal=seal.content))


def _exported(walk: AuditWalk, sealed: SealedRow) -> _Row:
    assert sealed.row is not None, "the rows were found by their payment"
    leaf = sealed.leaf
    path = merkle_path(walk.leaf_hashes(leaf.seal_number), leaf.position)
    return _Row(
        leaf=sealed.row.leaf,
        path=[each.hex() for each in path],
        position=leaf.position,
        seal_number=leaf.seal_number,
    )


def _line(line: _Line) -> str:
    return json.dumps(line.model_dump(), ensure_ascii=False, separators=(",", ":")) + "\n"


def _transaction_of(leaf: str) -> object:
    try:
        return json.loads(leaf)["row"]["transaction_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProofBroken("a row is not as it was exported") from None


def _root(row: _Row, count: int) -> str:
    try:
        path = [bytes.fromhex(each) for each in row.path]
        if [each.hex() for each in path] != row.path:
            return "none"
        return root_by_path(leaf_hash(row.leaf), row.position, count, path).hex()
    except ValueError:
        return "none"


_LINES: TypeAdapter[_Header | _Row | _Seal] = TypeAdapter(_Header | _Row | _Seal)
