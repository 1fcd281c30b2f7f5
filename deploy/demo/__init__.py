"""A first payment, told hop by hop; ends with status 0 only if each step really happened."""
