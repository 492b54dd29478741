"""Languages: figures for people, and the sentences of the engine in the reader's language."""
