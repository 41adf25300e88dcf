"""Text on the terminal: escaped names, tables, progress bars."""
