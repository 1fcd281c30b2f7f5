"""The guides name every setting, error, metric, status, scenario and library that there is; links lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pydantic import BaseModel

from deploy.prepare.settings import PrepareSettings, SeedSettings
from services.api.problems import STATUS_OF
from services.api.settings import ApiSettings
from services.notifier.closing import CLOSES
from services.notifier.frames import FEED_OPENED, LOST, RESYNC_REQUIRED, SNAPSHOT
from services.notifier.refusals import DATABASE_AWAY, FULL, REDIS_AWAY
from services.notifier.refusals import STATUS_OF as WEBSOCKET_STATUS_OF
from services.notifier.settings import NotifierSettings
from services.outbox_relay.settings import RelaySettings
from services.provider_simulator.settings import SimulatorSettings
from services.provider_worker.settings import WorkerSettings
from services.scheduler.settings import SchedulerSettings, SchedulerWorkerSettings
from services.webhook_delivery.settings import DeliverySettings
from services.webhook_ingest.settings import IngestSettings
from shared.domain.event_types import EVENT_TYPES
from shared.domain.failure import FailureCode
from shared.domain.transaction_status import BASIC_STATUS
from shared.providers.cpay.simulator.scenarios import SCENARIOS
from shared.providers.cpay.simulator.settings import CPaySimulatorSettings
from shared.runtime.metrics import TRANSITIONS as TRANSITIONS_METRIC

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SETTINGS: list[tuple[type[BaseModel], str]] = [
    (ApiSettings, ""),
    (NotifierSettings, ""),
    (RelaySettings, ""),
    (SimulatorSettings, ""),
    (WorkerSettings, ""),
    (SchedulerSettings, ""),
    (SchedulerWorkerSettings, ""),
    (IngestSettings, ""),
    (DeliverySettings, ""),
    (PrepareSettings, ""),
    (SeedSettings, ""),
    (CPaySimulatorSettings, "CPAY_"),
]

# The names that the project's specification gives.
SPECIFIED = {
    "payment.initiated",
    "payment.processing",
    "payment.completed",
    "payment.failed",
    "refund.processing",
    "refund.completed",
}

_LINK = re.compile(r"\]\(([^)#\s]+)?(#[^)\s]+)?\)")


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def _rows(page: str) -> list[list[str]]:
    """The cells of every row of every table."""
    lines = [line.strip().strip("|").split("|") for line in page.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in cells] for cells in lines]


@pytest.mark.parametrize(("settings", "prefix"), SETTINGS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_setting_is_explained_with_its_default(settings: type[BaseModel], prefix: str) -> None:
    told = {(name, row[1]) for row in _rows(_page("configuration.md")) for name in re.findall(r"`([A-Z_]+)`", row[0])}

    ours = {
        (prefix + name.upper(), _default(field.default, required=field.is_required()))
        for name, field in settings.model_fields.items()
        if settings is not SeedSettings or name not in PrepareSettings.model_fields  # without it nothing is seeded
    }

    assert ours - told == set()


def _default(value: object, *, required: bool) -> str:
    if required:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, frozenset):
        value = tuple(sorted(value))
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"`{text}`" if text else "empty"


def test_every_error_is_in_the_table_with_its_status() -> None:
    told = {(row[0], row[1]) for row in _rows(_page("getting-started.md"))}

    assert {(str(status), f"`{error.code}`") for error, status in STATUS_OF.items()} <= told


def test_every_status_is_in_the_table_with_its_basic_one() -> None:
    told = {(row[0], row[1]) for row in _rows(_page("getting-started.md"))}

    assert {(f"`{status}`", f"`{basic}`") for status, basic in BASIC_STATUS.items()} <= told


def test_every_failure_code_is_named() -> None:
    page = _page("getting-started.md")

    assert [name for name in sorted(FailureCode) if f"`{name}`" not in page] == []


def test_every_frame_is_named_and_those_that_the_specification_asks_for_are_there() -> None:
    page = _page("websockets.md")
    frames = EVENT_TYPES | {SNAPSHOT, FEED_OPENED, RESYNC_REQUIRED}

    assert [name for name in sorted(frames | set(LOST)) if f"`{name}`" not in page] == []
    assert set(re.findall(r"\*\*`([a-z.]+)`\*\*", page)) == SPECIFIED
    assert EVENT_TYPES >= SPECIFIED


def test_every_refusal_of_a_websocket_is_in_the_table_with_its_status() -> None:
    told = {(row[0], row[1]) for row in _rows(_page("websockets.md"))}
    problems = [*FULL.values(), DATABASE_AWAY, REDIS_AWAY]
    ours = {(str(status), f"`{error.code}`") for error, status in WEBSOCKET_STATUS_OF.items()}

    assert ours | {(str(each.status), f"`{each.code}`") for each in problems} <= told


def test_every_end_of_a_websocket_is_in_the_table_with_its_code() -> None:
    told = {(row[0], row[1]) for row in _rows(_page("websockets.md"))}

    assert {(str(close.code), f"`{close.reason}`") for close in CLOSES} <= told


def test_every_metric_is_in_the_table() -> None:
    assert TRANSITIONS_METRIC is not None  # importing it registered all
    told = {row[0].strip("`").removesuffix("_total") for row in _rows(_page("operations.md"))}
    ours = {metric.name for metric in REGISTRY.collect() if metric.name.startswith("gateway_")}

    assert ours
    assert ours - told == set()


def test_every_scenario_is_in_the_table() -> None:
    told = {(row[0], row[1].strip("`")) for row in _rows(_page("simulator.md"))}

    assert {(each.digits, each.name) for each in SCENARIOS} <= told


def test_every_pinned_library_is_in_its_decision_with_its_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    told = {(row[0], row[1]) for row in _rows(_page("adr/0010-libraries.md")) if row[1:2] and row[1][:1].isdigit()}

    assert {(name, version) for name, _, version in (each.partition("==") for each in pinned)} == told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    broken = [target + anchor for target, anchor in _LINK.findall(text) if not _leads(page, target, anchor)]

    assert broken == []


def _leads(page: Path, target: str, anchor: str) -> bool:
    if target.startswith("https://"):
        return True
    path = page if not target else (page.parent / target)
    return path.exists() and (not anchor or anchor[1:] in _anchors(path))


def _anchors(path: Path) -> set[str]:
    """As GitHub makes them of the headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_decisions_index_lists_every_page() -> None:
    index = _page("adr/README.md")
    pages = [path.name for path in (ROOT / "docs" / "adr").glob("0*.md")]

    assert [name for name in sorted(pages) if f"({name})" not in index] == []
