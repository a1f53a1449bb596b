"""What the code costs, in ratios to other ways of doing the same; docs/performance.md explains each part."""
