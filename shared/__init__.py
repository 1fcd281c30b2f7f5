"""What two or more services need; every sub-package says its job in a sentence."""
