"""The subjects the painter knows: one scene a module, each a function that paints onto a sketch."""
