"""Whether the content of images is unsafe to show."""
