"""Tables of results, for the page and the terminal."""
