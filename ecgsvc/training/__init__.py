"""Training of the shipped models (extra `ecgsvc[train]`); PyTorch stays in here."""
