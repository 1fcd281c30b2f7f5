"""Chaos that can be repeated."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.provider_kit.simulator import KIT_SCHEMA, LedgerFile
from shared.provider_kit.simulator import chaos as kit_chaos
from shared.provider_kit.simulator.chaos import ChaosInForce, evenly

FATES = {"hang": "h", "html": "x"}


class Chaos(kit_chaos.Chaos):
    answerings = ("hang", "html")
    tellings = ("lost",)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LedgerFile]:
    opened = LedgerFile(tmp_path / "ledger.sqlite", KIT_SCHEMA)
    yield opened
    opened.close()


def drawn(chaos: Chaos, questions: int = 4000) -> Counter[str]:
    return Counter(chaos.drawn(FATES, "-", "answer", str(number)) for number in range(questions))


def test_each_fate_has_its_share_and_the_rest_goes_well() -> None:
    fates = drawn(Chaos(seed=1, mix={"hang": 0.25, "html": 0.1}))

    assert 900 < fates["h"] < 1100
    assert 340 < fates["x"] < 460
    assert fates["-"] == 4000 - fates["h"] - fates["x"]


def test_the_same_seed_and_the_same_words_are_the_same_fate_in_whatever_order_the_mix_is_written() -> None:
    one = Chaos(seed=7, mix={"hang": 0.3, "html": 0.3})
    other = Chaos(seed=7, mix={"html": 0.3, "hang": 0.3})

    assert [one.drawn(FATES, "-", str(word)) for word in range(200)] == [
        other.drawn(FATES, "-", str(word)) for word in range(200)
    ]


def test_another_seed_is_another_chaos() -> None:
    mix = {"hang": 0.5}

    assert [Chaos(seed=1, mix=mix).drawn(FATES, "-", str(word)) for word in range(50)] != [
        Chaos(seed=2, mix=mix).drawn(FATES, "-", str(word)) for word in range(50)
    ]


def test_without_a_mix_everything_goes_well_and_with_all_of_it_nothing() -> None:
    assert drawn(Chaos(seed=1), 100) == {"-": 100}
    assert drawn(Chaos(seed=1, mix={"hang": 1}), 100) == {"h": 100}


@pytest.mark.parametrize(
    ("mix", "complaint"),
    [
        ({"hang": 0.6, "html": 0.5}, "the shares of hang, html sum over 1"),
        ({"teleport": 0.1}, "teleport: not one of hang, html, lost"),
        ({"hang": 1.5}, "less than or equal to 1"),
        ({"hang": -0.1}, "greater than or equal to 0"),
    ],
)
def test_a_mix_that_nobody_can_play_is_refused(mix: Mapping[str, float], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Chaos.model_validate({"mix": mix})


def test_answers_and_callbacks_are_summed_apart_and_ten_tenths_are_one() -> None:
    class Ten(kit_chaos.Chaos):
        answerings = tuple("abcdefghij")
        tellings = ("lost",)

    mix = {**dict.fromkeys("abcdefghij", 0.1), "lost": 1}

    assert Ten(mix=mix).mix == mix


def test_what_is_set_holds_until_it_is_set_again_and_survives_a_restart(tmp_path: Path) -> None:
    wanted = Chaos(seed=3, mix={"lost": 0.5})
    first = LedgerFile(tmp_path / "kept.sqlite", KIT_SCHEMA)
    assert ChaosInForce(first, Chaos(seed=9)).now() == Chaos(seed=9)
    ChaosInForce(first, Chaos(seed=9)).set(wanted)
    first.close()
    again = LedgerFile(tmp_path / "kept.sqlite", KIT_SCHEMA)

    assert ChaosInForce(again, Chaos(seed=9)).now() == wanted
    again.close()


def test_questions_are_counted_from_when_the_chaos_was_set(ledger: LedgerFile) -> None:
    chaos = ChaosInForce(ledger, Chaos())
    counted = [chaos.count_asked("one"), chaos.count_asked("one"), chaos.count_asked("another")]

    chaos.set(Chaos(seed=1))

    assert (counted, chaos.count_asked("one")) == ([1, 2, 1], 1)


@pytest.mark.parametrize(
    ("rate", "mix"), [(0, {}), (0.5, {"hang": 0.25, "html": 0.25}), (1, {"hang": 0.5, "html": 0.5})]
)
def test_a_rate_is_shared_out_evenly(rate: float, mix: Mapping[str, float]) -> None:
    assert evenly(("hang", "html"), rate) == mix
