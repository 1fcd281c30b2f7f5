"""The three servers a local system needs, each given by URL, run by Docker, or started here as a private instance."""

from deploy.local.servers.addresses import ServerUrl
from deploy.local.servers.standalone import kill, start_native, stop

__all__ = ["ServerUrl", "kill", "start_native", "stop"]
