"""The operators' command line: looks at the gateway and acts on it, each act audited."""
