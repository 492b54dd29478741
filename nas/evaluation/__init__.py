"""What one trained model gets right and wrong: its kept answers, and figures computed from them."""
