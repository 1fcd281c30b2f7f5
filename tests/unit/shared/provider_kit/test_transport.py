"""The client that providers are called with."""

from shared.provider_kit.transport import build_client


def test_the_client_follows_no_redirect_reads_no_proxy_and_always_gives_up() -> None:
    with build_client(connect_seconds=2, read_seconds=10, connections=4) as client:
        assert client.follow_redirects is False
        assert client.trust_env is False
        assert (client.timeout.connect, client.timeout.read) == (2, 10)
        assert None not in {client.timeout.write, client.timeout.pool}
