"""Canaries: what is made in a member account and removed again, to prove what only a change can prove."""
