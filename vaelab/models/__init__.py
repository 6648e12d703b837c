"""Models: `networks` (encoders and decoders), `vae`, `two_layers` (Burda et al.), `hierarchical` (groups on scales)."""
