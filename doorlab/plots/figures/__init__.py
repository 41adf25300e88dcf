"""One module per figure: functions from arrays to matplotlib figures, without computations."""
