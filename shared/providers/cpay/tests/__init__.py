"""What is particular to CPay; what every provider must do is in the contract suite."""
