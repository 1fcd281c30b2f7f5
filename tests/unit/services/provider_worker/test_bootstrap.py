"""What a worker is built with between itself and its provider."""

import math
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from services.provider_worker.bootstrap import build_bucket, build_gate
from services.provider_worker.settings import WorkerSettings
from shared.coordination.redis_client import OptionalRedis, build_redis
from shared.provider_kit.registry import discover_providers


@pytest.mark.parametrize(
    ("plugins", "settings", "at_once"),
    [
        ((None, 1), (0, 0), 100),
        ((0.1, 3), (0, 0), 3),
        ((0.1, 3), (0, 5), 5),
        ((0.1, 3), (1000, 0), 100),
        ((None, 1), (0.1, 0), 1),
    ],
)
def test_the_settings_come_before_the_plugin(
    plugins: tuple[float | None, int], settings: tuple[float, int], at_once: int
) -> None:
    cpay = discover_providers()["cpay"]
    able = replace(cpay.capabilities, calls_per_second=plugins[0], calls_burst=plugins[1])
    told = WorkerSettings.model_construct(calls_per_second=settings[0], calls_burst=settings[1])

    bucket = build_bucket(told, replace(cpay, capabilities=able), _nobody_listens())

    assert sum(bucket.reserve().is_granted for _ in range(100)) == at_once


def test_the_breakers_metric_is_no_number_while_redis_is_away() -> None:
    told = WorkerSettings.model_construct()

    build_gate(told, discover_providers()["cpay"], _nobody_listens())

    value = REGISTRY.get_sample_value("gateway_provider_breaker", {"provider": "cpay"})
    assert value is not None
    assert math.isnan(value)


def _nobody_listens() -> OptionalRedis:
    return OptionalRedis(build_redis("redis://127.0.0.1:1/0", connections=1))
