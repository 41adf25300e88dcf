"""Tables and the HTML report. Reads result files; needs neither torch nor a simulator."""
