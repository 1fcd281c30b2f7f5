"""The one-shot job of every deployment: migrations, the broker's topology, and seed data for a sandbox."""
