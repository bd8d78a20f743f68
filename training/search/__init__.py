"""The search for good hyperparameters."""
