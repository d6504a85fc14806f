"""What whoever runs the kit must be allowed: the calls of each task, and the policies made of them."""
