"""Speed and accuracy side by side with what a user would pick instead; run from a clone."""
