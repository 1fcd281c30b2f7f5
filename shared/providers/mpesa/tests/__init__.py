"""What is particular to M-Pesa."""
