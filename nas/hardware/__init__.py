"""How fast networks run where they will be used."""
