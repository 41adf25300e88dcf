"""Evaluation of trained models: policies by name, regret, predicted rewards, likelihood bounds."""
