"""Makes ``docs/openapi.json`` and ``docs/postman_collection.json`` from the application itself; no server is needed."""
