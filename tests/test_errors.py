import errno
import os
import pickle

import pytest

from doorlab.errors import ConfigError, DoorlabError, refused, unknown_name, write_refused


def test_error_message_has_three_parts_and_is_picklable():
    error = pickle.loads(pickle.dumps(ConfigError("a door", "a window", "look again")))
    assert isinstance(error, DoorlabError)
    assert str(error) == "expected a door; got a window; look again"


def test_unknown_name_lists_valid_names_and_suggests_nearest():
    message = str(unknown_name("preset", "smal", ["tiny", "small", "full"]))
    assert "full, small, tiny" in message
    assert "did you mean 'small'?" in message


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ((errno.EACCES, "", "a/b"), "expected permission for a/b; got none; allow it, or choose"),
        ((errno.EPERM, "", b"a\xff"), "expected permission for a\udcff; got none; allow"),
        ((errno.ENOENT, "", "a/b"), "expected a file or folder for a/b; got none; check the path"),
        ((errno.ENOSPC, ""), "expected free space; got a full disk; free some space and run again"),
        ((errno.EMFILE, "", 3), "expected one more open file; got too many of them; raise the"),
        ((errno.EBADF, "Bad file"), "expected a system that works; got Bad file; mend the cause"),
        (
            ("odd",),
            "expected a system that works; got odd; mend the cause and run the same command",
        ),
    ],
)
def test_refused_message_has_three_parts(error, message):
    assert str(refused(OSError(*error))).startswith(message)


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_write_refused_names_path_and_remedy(code):
    message = str(write_refused(OSError(code, os.strerror(code)), "a/b"))
    assert " for a/b; got " in message
    assert not message.endswith("; ")
