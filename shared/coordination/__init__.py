"""What the processes share through Redis, and can do without: without it they are slower, never wrong."""
