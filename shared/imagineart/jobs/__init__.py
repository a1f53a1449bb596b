"""Images that are made after the request for them was answered: jobs, their queue and their worker."""
