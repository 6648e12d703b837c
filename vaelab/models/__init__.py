"""Models of data with latents.

`networks` (encoders and decoders), `priors`, `vae`, `two_layers` (Burda et al.), `hierarchical` (groups on scales).
"""
