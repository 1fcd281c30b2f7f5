"""What crosses from one process to another: frozen, versioned messages and their codec."""
