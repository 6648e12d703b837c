"""Models: `networks` (encoders and decoders), `vae` (one group of latents), `hierarchical` (two)."""
