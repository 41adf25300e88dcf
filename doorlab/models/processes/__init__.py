"""Neural processes: predict the rewards of actions from a context set and a door's embedding."""
