"""A stand-in for an image model: it draws a scene from the words of a prompt and needs no GPU."""
