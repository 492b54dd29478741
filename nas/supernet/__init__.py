"""One network whose weights serve every sub-network of `lite-elastic` (one-shot search)."""
