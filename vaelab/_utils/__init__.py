"""What every package uses: errors, checks of arguments, files, random numbers, images, devices.

In order: `errors` (nothing heavy), `checks`, `files`, `rng`, `images`, `device`.
"""
