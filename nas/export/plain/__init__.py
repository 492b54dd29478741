"""A trained network as readable PyTorch code that needs nothing of this program: model.py of a download."""
