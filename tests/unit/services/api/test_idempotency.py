"""Fingerprints: the same for what means the same, and for nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from services.api.idempotency import fingerprint_of

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
bodies = st.dictionaries(st.text(max_size=4), values, max_size=4)


@given(bodies)
def test_the_order_of_keys_does_not_matter(body: dict[str, object]) -> None:
    assert fingerprint_of("x", body) == fingerprint_of("x", dict(reversed(list(body.items()))))


@given(bodies, bodies)
def test_different_bodies_have_different_fingerprints(one: dict[str, object], other: dict[str, object]) -> None:
    assert (fingerprint_of("x", one) == fingerprint_of("x", other)) is (_canonical(one) == _canonical(other))


def _canonical(value: object) -> str:
    if isinstance(value, dict):
        return repr(sorted((key, _canonical(item)) for key, item in value.items()))
    return repr(value)


@given(bodies)
def test_another_endpoint_is_another_request(body: dict[str, object]) -> None:
    assert fingerprint_of("POST /a", body) != fingerprint_of("POST /b", body)
