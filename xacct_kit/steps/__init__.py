"""What is done in one member account, a module a step; each can be used alone and repeated."""
