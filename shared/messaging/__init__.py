"""RabbitMQ: the topology, publishing with confirms, consuming with one table of consequences."""
