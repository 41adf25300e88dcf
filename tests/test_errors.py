import pickle

from doorlab.errors import ConfigError, DoorlabError, unknown_name


def test_message_has_all_three_parts_and_survives_pickling():
    error = pickle.loads(pickle.dumps(ConfigError("a door", "a window", "look again")))
    assert isinstance(error, DoorlabError)
    assert str(error) == "expected a door; got a window; look again"


def test_unknown_name_lists_the_valid_and_suggests_the_nearest():
    message = str(unknown_name("preset", "smal", ["tiny", "small", "full"]))
    assert "full, small, tiny" in message
    assert "did you mean 'small'?" in message
