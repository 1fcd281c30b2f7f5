"""The whole gateway on one machine: private PostgreSQL, Redis and RabbitMQ, and our processes, without Docker."""
