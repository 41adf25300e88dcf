"""What the tests of `doorlab study` share."""


class Stopped(Exception):
    pass
