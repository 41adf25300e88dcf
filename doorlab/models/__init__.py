"""Models, one file each; `registry.build_model` makes them by name, `io` stores them."""
