"""How M-Pesa, played, is driven by hand."""

from collections.abc import Iterator, Mapping

from shared.provider_kit.control import ControlAct, ControlPlane, PlayedScenario
from shared.providers.mpesa.simulator.admin import PREFIX, CustomersAct
from shared.providers.mpesa.simulator.scenarios import (
    ANSWERINGS,
    RESULT_TEXTS,
    RESULTS,
    REVERSALS,
    SUCCESS,
    TELLINGS,
    Answering,
    Customer,
    Scenario,
    Telling,
)

ANSWERED: Mapping[Answering, str] = {
    Answering.HTML_503: "503 in HTML, not executed",
    Answering.EMPTY_500: "500 and nothing else, not executed",
    Answering.SPIKE_ARREST: "429 from Apigee, not executed",
    Answering.THROTTLED: "500.003.02 spike arrest, not executed",
    Answering.SYSTEM_BUSY: "500.003.02 system busy, not executed",
    Answering.QUOTA: "500.003.03 quota, not executed",
    Answering.MAINTENANCE: "503 maintenance, not executed",
    Answering.ERROR_WITH_200: "an error with HTTP 200, not executed",
    Answering.INTERNAL_ERROR: "500.001.1001 Internal Server Error, not executed",
    Answering.TOKEN_REFUSED: "an invalid token, and the live one is dead; not executed",
    Answering.HANG: "silence, not executed",
    Answering.RESET: "a TCP reset, not executed",
    Answering.HANG_AFTER_EXECUTING: "executed, then silence",
    Answering.RESET_AFTER_EXECUTING: "executed, then a TCP reset",
    Answering.EMPTY_500_AFTER_EXECUTING: "executed, then 500 and nothing else",
    Answering.INTERNAL_ERROR_AFTER_EXECUTING: "executed, then Internal Server Error",
    Answering.HTML_AFTER_EXECUTING: "executed, then HTML with 200",
    Answering.TRUNCATED: "executed, then half an answer",
    Answering.SLOW: "executed, and answered a second late",
}

TOLD: Mapping[Telling, str] = {
    Telling.EARLY: "told before the request is answered",
    Telling.TWICE: "told twice",
    Telling.REPEATED: "told five times",
    Telling.NEVER: "never told: a query, a status or a pull shows it",
    Telling.LATE: "told 3 minutes (scaled) late",
    Telling.OUT_OF_ORDER: "told after what came in the next second",
    Telling.BALANCE_WITHOUT_VALUE: "told with a Balance that has no Value",
    Telling.ITEMS_REVERSED: "told with its items in another order",
    Telling.CODE_AS_STRING: "told with its codes as strings",
    Telling.OTHER_AMOUNT: "told with one shilling more than was paid",
    Telling.OTHER_PHONE: "told with another phone",
    Telling.WRONG_PATH: "told to a path that nobody gave out",
    Telling.UNKNOWN_REFERENCE: "told about ids that nobody was given",
    Telling.FAILURE_BEFORE_SUCCESS: "a failure is told before the success",
    Telling.FAILURE_AFTER_SUCCESS: "a failure is told after the success",
    Telling.QUERY_CONTRADICTS: "told as paid, and a query says 1037",
    Telling.ORIGINATOR_NOT_ECHOED: "of a command: told with another OriginatorConversationID",
    Telling.QUEUE_TIMEOUT: "of a command: QueueTimeOutURL is called, and nothing executed",
    Telling.QUEUE_TIMEOUT_AFTER_EXECUTING: "of a command: QueueTimeOutURL is called, though all was executed",
}

ENDS: Mapping[str, str] = {
    Customer.WAITS: "waits for its customer (payctl sim act); unreachable when the prompt dies",
    Customer.STAYS_SILENT: "under processing for ever, no callback",
    **{code: f"{code}: {text}" for code, text in RESULT_TEXTS.items() if code != SUCCESS},
}


def what_happens(scenario: Scenario) -> str:
    return "; ".join(_parts(scenario)) or "paid"


def _parts(scenario: Scenario) -> Iterator[str]:
    if scenario.answering is not Answering.PROPERLY:
        times = {1: "once ", 2: "twice "}.get(scenario.first_answers or 0, "")
        yield times + ANSWERED[scenario.answering] + (", then paid" if times else "")
    if scenario.ends_as != SUCCESS:
        yield ENDS.get(scenario.ends_as, f"{scenario.ends_as}: a code that nobody knows")
    if scenario.telling is not Telling.PROPERLY:
        yield TOLD[scenario.telling]


def shown(scenario: Scenario, of: str = "") -> PlayedScenario:
    return PlayedScenario(scenario.digits, scenario.name, of + what_happens(scenario))


CONTROL = ControlPlane(
    path=f"{PREFIX}/_admin",
    scenarios=(
        *(shown(each) for each in (*RESULTS, *TELLINGS, *ANSWERINGS)),
        *(shown(each, "its reversal: ") for each in REVERSALS),
    ),
    acts={str(act): ControlAct("payments/{reference}/transition", {"action": str(act)}) for act in CustomersAct},
    till_payments="c2b",
)
