"""Tables, figures and the HTML report. Reads arrays and result files; no torch, no simulator."""
