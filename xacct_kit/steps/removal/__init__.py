"""What is taken away when an account is let go, and the proof that it is gone."""
