"""Authorization with step-up: the names that applications import."""
