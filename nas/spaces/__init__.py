"""Search spaces: decisions as data, decoded to architectures. No torch here."""
