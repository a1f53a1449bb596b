"""A stand-in for an image model, so that a laptop runs the whole product: it paints, it models nothing."""
