"""The tables of result codes."""

from collections.abc import Mapping

from shared.providers.mpesa.outcomes import B2C_RESULTS, REVERSAL_RESULTS, Refused


def test_the_tables_of_what_an_initiator_orders_say_what_the_facts_say() -> None:
    def refused(table: Mapping[str, object]) -> dict[str, tuple[str, object]]:
        return {code: (m.code.value, m.alert) for code, m in table.items() if isinstance(m, Refused)}

    both = {
        "1": ("insufficient_funds", "float"), "11": ("provider_refused", "configuration"),
        "21": ("provider_refused", "configuration"), "2001": ("provider_refused", "configuration"),
        "2006": ("provider_refused", "configuration"), "2028": ("provider_refused", "configuration"),
        "8006": ("provider_refused", "credential_locked"),
    }  # fmt: skip
    assert refused(REVERSAL_RESULTS) == {**both, "R000002": ("refund_not_possible", None)}
    assert refused(B2C_RESULTS) == {
        **both, "2": ("amount_too_small", None), "3": ("amount_too_large", None), "4": ("limit_exceeded", None),
        "8": ("limit_exceeded", None), "2040": ("invalid_account", None), "SFC_IC0003": ("invalid_account", None),
    }  # fmt: skip
