"""What every package uses: errors, checks of arguments, files, random numbers, images, devices."""
