"""Out of PyTorch: networks as files that other runtimes and phones take."""
