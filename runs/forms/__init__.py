"""What people may send, checked before anything is stored."""
