"""The proof that no accepted payment is lost and none is taken twice: faults, load, and a checker of three truths."""
