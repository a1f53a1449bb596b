"""HTTP in, HTTP out: forms, authentication headers, the error envelope and the Lambda entry."""
