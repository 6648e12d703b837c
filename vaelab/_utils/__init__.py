"""Utilities of every package: errors, checks of arguments, files, random numbers, images, devices."""
