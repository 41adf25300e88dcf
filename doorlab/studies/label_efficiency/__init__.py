"""The label-efficiency study: models with few and many labeled doors, tests of claims."""
