"""A member account that is created: asked for once, waited for, and where it belongs."""
