import errno
import os
import pickle

import pytest

from doorlab.errors import ConfigError, DoorlabError, refused, unknown_name, write_refused


def test_error_message_has_three_parts_and_is_picklable():
    error = pickle.loads(pickle.dumps(ConfigError("a door", "a window", "look again")))
    assert isinstance(error, DoorlabError)
    assert str(error) == "Expected a door, but got a window. Look again."


def test_unknown_name_lists_valid_names_and_suggests_nearest():
    message = str(unknown_name("preset", "smal", ["tiny", "small", "full"]))
    assert "full, small, tiny" in message
    assert "Did you mean 'small'?" in message


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            (errno.EACCES, "", "a/b"),
            "Expected permission for a/b, but got none. Allow it, or choose",
        ),
        ((errno.EPERM, "", b"a\xff"), "Expected permission for a\udcff, but got none. Allow"),
        (
            (errno.ENOENT, "", "a/b"),
            "Expected a file or folder for a/b, but got none. Check the path",
        ),
        (
            (errno.ENOSPC, ""),
            "Expected free space, but got a full disk. Free some space and run again",
        ),
        ((errno.EMFILE, "", 3), "Expected one more open file, but got too many of them. Raise the"),
        (
            (errno.EBADF, "Bad file"),
            "Expected a system that works, but got Bad file. Mend the cause",
        ),
        (
            ("odd",),
            "Expected a system that works, but got odd. Mend the cause and run the same command",
        ),
    ],
)
def test_refused_message_has_three_parts(error, message):
    assert str(refused(OSError(*error))).startswith(message)


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_write_refused_names_path_and_remedy(code):
    message = str(write_refused(OSError(code, os.strerror(code)), "a/b"))
    assert " for a/b, but got " in message
    assert not message.endswith("; ")
