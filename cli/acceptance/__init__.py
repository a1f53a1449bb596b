"""`accept`: checks of a deployment that cost a few images and leave nothing behind."""
