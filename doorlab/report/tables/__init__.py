"""Tables of results, for the HTML report and the terminal."""
