"""Models, one file each. `registry.build_model` builds them by name; `io` saves and loads them."""
