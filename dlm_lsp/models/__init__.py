"""Denoisers: the model families, what wraps them, and how a checkpoint becomes one."""
