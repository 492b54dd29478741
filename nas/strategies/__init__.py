"""Search strategies with one ask/tell contract. No torch here."""
