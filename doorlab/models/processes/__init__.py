"""Neural processes: rewards of actions given a context set."""
