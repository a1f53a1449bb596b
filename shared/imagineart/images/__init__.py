"""What an image is: requests, sizes, seeds, references decoded, PNGs cleaned."""
