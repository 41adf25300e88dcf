"""Export of datasets to the format of LeRobot datasets."""
