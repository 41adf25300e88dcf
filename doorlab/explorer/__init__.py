"""The page of `doorlab explore`: weights, doors and rewards of a run, with inference in JavaScript.

The scripts in `assets` are plain JavaScript without libraries. They compute what
`encoders.statistician` and `processes` compute, from the same weights; tests compare them.
"""
