"""Decoding of masked-diffusion models: pure torch, knows the Denoiser protocol and no concrete model."""
