"""Steps that two or more services run; above all ``apply_outcome``, the only way in for a provider's word."""
