"""ImagineoAI's REST API, at /imagineo/v1: every generation is a job, whose image is a result at a URL."""
