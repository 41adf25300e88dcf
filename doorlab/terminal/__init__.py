"""Terminal output: escaped names, tables, progress bars."""
