"""Datasets in the form of dataset hubs: export, Arrow tables, dataset cards."""
