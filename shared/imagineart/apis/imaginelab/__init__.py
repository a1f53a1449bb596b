"""ImagineLab's API below /imaginelab/api/v1: accounts, credits and generations."""
