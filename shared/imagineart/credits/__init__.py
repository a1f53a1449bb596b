"""Credits of accounts: what each has, what its generations reserve, and a ledger of every change."""
