"""What a model service runs in: images and containers, environments and processes, their usage."""
