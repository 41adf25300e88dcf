"""Sample quality of generative models: frame features and two-sample tests."""
