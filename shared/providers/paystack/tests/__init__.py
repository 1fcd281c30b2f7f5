"""What is particular to Paystack; what every provider must do is in the contract suite."""
