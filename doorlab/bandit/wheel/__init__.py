"""The wheel bandit (Riquelme et al. 2018), a calibration against published figures."""
