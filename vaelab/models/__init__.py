"""Models: `networks` (encoders and decoders), `vae`, `hierarchical` (two groups of latents)."""
