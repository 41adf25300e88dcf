"""The wheel bandit (Riquelme et al. 2018), used for calibration against published results."""
