"""Tables and the HTML report, from result files; needs neither torch nor a simulator."""
