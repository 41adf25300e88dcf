"""Export of datasets to the layout of dataset hubs: Arrow tables and dataset cards."""
