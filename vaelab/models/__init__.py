"""Models: `networks` (encoders and decoders), `vae`, `hierarchical` (two layers of latents)."""
